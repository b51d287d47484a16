import CPostgres

extension DatabaseError {
    /// From a failed result, or from the state of the connection where there is none.
    init(operation: String, result: OpaquePointer?, handle: OpaquePointer, isLost: Bool = false) {
        // FATAL says that the session ends; the end of the stream may be read only later.
        let severity = Self.field(report_severity, of: result)
        let isLost = isLost || PQstatus(handle) == CONNECTION_BAD || severity == "FATAL" || severity == "PANIC"
        let sqlstate = Self.field(report_sqlstate, of: result) ?? (isLost ? "08006" : "XX000")
        self.init(
            operation: operation,
            sqlstate: sqlstate,
            message: Self.message(of: result, sqlstate: sqlstate)
                ?? Self.firstLine(PQerrorMessage(handle)) ?? "the connection to PostgreSQL was lost",
            constraint: Self.field(report_constraint, of: result),
            table: Self.field(report_table, of: result),
            isConnectionLost: isLost)
        position = Self.field(report_position, of: result).flatMap { Int($0) }
    }

    /// From a connection that could not be made; its messages are verbose, for only those carry the SQLSTATE.
    init(connectingTo settings: DatabaseSettings, handle: OpaquePointer) {
        let report = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        let (sqlstate, message) = ConnectionReport.read(report)
        let isPasswordMissing = PQconnectionNeedsPassword(handle) == 1
        self.init(
            operation: "connecting to \(settings)",
            sqlstate: sqlstate ?? (isPasswordMissing ? "28P01" : "08001"),
            message: message.isEmpty ? "PostgreSQL gave no reason" : message,
            isConnectionLost: true)
        isMisconfigured = sqlstate == nil && ConnectionReport.isMisconfiguration(report)
    }

    private static func field(_ code: Int32, of result: OpaquePointer?) -> String? {
        PQresultErrorField(result, code).map { String(cString: $0) }
    }

    private static func message(of result: OpaquePointer?, sqlstate: String) -> String? {
        guard let primary = field(report_message, of: result) else { return nil }
        // Data exceptions quote the value, as in: invalid input syntax for type integer: "…".
        if sqlstate.hasPrefix("22") { return withoutQuotedValue(primary) }
        guard let hint = field(report_hint, of: result), !sqlstate.hasPrefix("23") else { return primary }
        // Errors end as one sentence with their SQLSTATE behind them, and hints are sentences of their own.
        return "\(primary); \(hint.hasSuffix(".") ? String(hint.dropLast()) : hint)"
    }

    private static func firstLine(_ text: UnsafeMutablePointer<CChar>?) -> String? {
        text.flatMap { String(cString: $0).split(separator: "\n").first.map { String($0) } }
    }

    /// The message with everything from its first to its last quotation mark, and bytes in hexadecimal, cut out.
    static func withoutQuotedValue(_ message: String) -> String {
        var message = Substring(message)
        var ending = ""
        if let bytes = message.firstRange(of: ": 0x") {
            message = message[..<bytes.lowerBound]
        }
        // As scalars: with a combining character behind it a quotation mark is another Character.
        let scalars = message.unicodeScalars
        if let first = scalars.firstIndex(of: "\""), let last = scalars.lastIndex(of: "\""), first < last {
            ending = "\"…" + message[last...]
            message = message[..<first]
        }
        return message + ending
    }
}

/// What libpq says about a connection that it could not make, one or more lines a host.
enum ConnectionReport {
    /// The last SQLSTATE that a server gave, if one answered, and the message without it and without details.
    static func read(_ report: String) -> (sqlstate: String?, message: String) {
        var sqlstate: String?
        var lines: [String] = []
        for line in report.split(separator: "\n") {
            if ["LOCATION:", "DETAIL:", "CONTEXT:"].contains(where: { line.hasPrefix($0) }) { continue }
            // `...failed: FATAL:  28P01: password authentication failed...`; the severity may be translated.
            if let code = line.firstRange(of: #/:  [0-9A-Z]{5}: /#) {
                sqlstate = String(line[code].dropFirst(3).prefix(5))
                lines.append(line[..<code.lowerBound] + ": " + line[code.upperBound...])
            } else {
                lines.append(line.trimmingPrefix(/\s+/).description)
            }
        }
        return (sqlstate, lines.joined(separator: "; "))
    }

    /// Whether no address that was tried failed for another reason, one that may pass.
    static func isMisconfiguration(_ report: String) -> Bool {
        let lines = report.split(separator: "\n").map(String.init)
        let addresses = lines.filter { $0.hasPrefix("connection to server") || $0.hasPrefix("could not translate") }
        let failures = addresses.isEmpty ? Array(lines.prefix(1)) : addresses
        return !failures.isEmpty && failures.allSatisfy(blamesSettings)
    }

    /// What libpq says of settings that no server could satisfy, or not this one: it has no codes for them, see its
    /// fe-connect.c and fe-secure-openssl.c.
    private static func blamesSettings(_ line: String) -> Bool {
        // Hosts and files have names of their own choice.
        let reason = line.replacing(/"[^"]*"/, with: "")
        let words = [
            "certificate", "private key", "sslmode", "but SSL was required", "SSL support is not compiled in",
            "host name must be specified", "channel binding", "definition of service", "could not match",
        ]
        return words.contains { reason.contains($0) }
            || reason.contains(/\binvalid .*\b(?:value|mode|range|port|method)\b/)
    }
}
