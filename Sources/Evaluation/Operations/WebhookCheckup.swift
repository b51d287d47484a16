import Database

/// Looks at what the monitor's webhook has not taken.
extension Checkup {
    /// Nothing for logins that may not know, as a worker's own.
    func webhook(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        guard try mayRead("monitor", "webhook_deliveries", connection) else { return [] }
        let backlog = try WebhookQueue(connection: connection).backlog()
        guard let since = backlog.since else { return [] }
        let reason = backlog.failure.map { ": \($0)" } ?? ""
        return [
            .warning(
                "webhook", "\(backlog.waiting) announcements of alerts wait since \(since)\(reason)",
                "a running `sentinode monitor` posts them; \(WebhookBacklog.advice)")
        ]
    }
}
