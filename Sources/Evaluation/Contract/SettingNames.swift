public import Foundation

/// The names of all settings, so that a variable with a slip of the pen is told and not silently without effect.
public enum SettingNames {
    static let known = [
        "SENTINODE_AMQP_URL", "SENTINODE_AMQP_CA", "SENTINODE_AMQP_CERT", "SENTINODE_AMQP_KEY",
        "SENTINODE_AMQP_DECLARE",
        "SENTINODE_AMQP_HEARTBEAT", "SENTINODE_ATTRIBUTES", "SENTINODE_BATCH", "SENTINODE_BODY_LIMIT",
        "SENTINODE_DATABASE_URL", "SENTINODE_GRACE", "SENTINODE_LANES", "SENTINODE_LINGER", "SENTINODE_LOG_FORMAT",
        "SENTINODE_LOG_LEVEL", "SENTINODE_MODEL", "SENTINODE_MONITOR_WEBHOOK", "SENTINODE_MONITOR_WEBHOOK_SECRET",
        "SENTINODE_PATIENCE", "SENTINODE_REVIEW_KEY",
    ]

    /// What scripts, tests and benchmarks use, and what is set for one command and met by another.
    private static let tolerated = [
        "SENTINODE_STACK_", "SENTINODE_TLS_DIR", "SENTINODE_AMQPS_URL", "SENTINODE_DATABASE_ADMIN_URL",
        "SENTINODE_TEST_", "SENTINODE_PROGRAM",
    ]

    /// One sentence on all variables that look like settings and are none, or nil where there is no such variable.
    public static func warning(
        about variables: some Sequence<String> = ProcessInfo.processInfo.environment.keys
    ) -> String? {
        let strange = variables.filter { $0.hasPrefix("SENTINODE_") && !isKnown($0) }.sorted()
        guard !strange.isEmpty else { return nil }
        let names = strange.map { name in nearest(to: name).map { "\(name) (is \($0) meant?)" } ?? name }
        return "of no effect, for no setting has this name: " + names.joined(separator: ", ")
    }

    private static func isKnown(_ name: String) -> Bool {
        // Kubernetes sets some of its own in every pod beside a service that is called sentinode.
        if name.hasSuffix("_PORT") || name.contains("_PORT_") || name.contains("_SERVICE_") { return true }
        if tolerated.contains(where: name.hasPrefix) { return true }
        return known.contains(name) || known.contains { name == $0 + "_FILE" }
    }

    /// The setting whose name is at most three slips away.
    private static func nearest(to name: String) -> String? {
        let candidates = (known + known.map { $0 + "_FILE" }).map { ($0, distance($0, name)) }
        return candidates.min { $0.1 < $1.1 }.flatMap { $0.1 <= 3 ? $0.0 : nil }
    }

    /// Letters to insert, remove or replace (Levenshtein 1966).
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let replaced = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
