import CPostgres

/// How to reach PostgreSQL and how long to wait for it. Its description does not show the password.
public struct DatabaseSettings: Sendable {
    /// Any libpq URI or `name=value` list; libpq's own parameters say how TLS is used.
    let url: String
    let applicationName: String
    /// Seconds that a statement may run; 0 is without end.
    let statementTimeout: Double
    /// Seconds that a statement may wait for a lock; 0 is without end.
    let lockTimeout: Double
    /// Seconds for each address that the host has; the URL's own `connect_timeout` goes first.
    let connectTimeout: Double
    /// Seconds after which PostgreSQL ends a session that sits in a transaction; 0 is never.
    let idleInTransactionTimeout: Double

    public init(
        url: String, applicationName: String, statementTimeout: Double = 30, lockTimeout: Double = 5,
        connectTimeout: Double = 10, idleInTransactionTimeout: Double = 60
    ) {
        self.url = url
        self.applicationName = applicationName
        self.statementTimeout = statementTimeout
        self.lockTimeout = lockTimeout
        self.connectTimeout = connectTimeout
        self.idleInTransactionTimeout = idleInTransactionTimeout
    }

    /// The same, for long reading: a statement may run this many seconds, and a transaction may be idle as long.
    public func patient(statementTimeout: Double) -> DatabaseSettings {
        DatabaseSettings(
            url: url, applicationName: applicationName, statementTimeout: statementTimeout, lockTimeout: lockTimeout,
            connectTimeout: connectTimeout, idleInTransactionTimeout: statementTimeout)
    }

    /// Seconds that an answer may be later than PostgreSQL's own limit.
    var answerGrace = 10.0

    /// Seconds of silence after which the client gives a statement up: PostgreSQL's own limit fires first, unless
    /// PostgreSQL is frozen or unreachable.
    var silenceLimit: Double? {
        statementTimeout > 0 ? statementTimeout + answerGrace : nil
    }
}

extension DatabaseSettings {
    /// Why the URL cannot be used, in one sentence without any part of it, or nil. Asks nobody.
    public var problem: String? {
        if url.allSatisfy(\.isWhitespace) { return "the database URL is empty" }
        if url.utf8.contains(0) { return "the database URL contains the character NUL" }
        switch parsed {
        case .failure(let refusal): return refusal.sentence
        case .success(let fields): return Self.misplacedPassword(in: fields)
        }
    }

    /// A password with an unescaped `@` or `/` ends up in the host, port or database, which libpq's messages print.
    private static func misplacedPassword(in fields: [String: String]) -> String? {
        let hosts = (fields["host"] ?? "").split(separator: ",")
        let ports = (fields["port"] ?? "").split(separator: ",")
        let isMisread =
            hosts.contains { $0.dropFirst().contains("@") } || (fields["dbname"] ?? "").contains("@")
            || ports.contains { UInt16($0) == nil }
        return isMisread
            ? "the database URL has no valid host, port and database name: in the user and the password write "
                + "@ as %40, / as %2F, : as %3A" : nil
    }

    private struct Refusal: Error {
        let sentence: String
    }

    /// The parameters that the URL names, as libpq reads them.
    private var parsed: Result<[String: String], Refusal> {
        var explanation: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &explanation) else {
            defer { PQfreemem(explanation) }
            let reason = explanation.map { DatabaseError.withoutQuotedValue(String(cString: $0)) } ?? ""
            return .failure(
                Refusal(
                    sentence: "the database URL is neither a valid postgresql:// URI nor a list of name=value: "
                        + reason.filter { !$0.isNewline }))
        }
        defer { PQconninfoFree(options) }
        var fields: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { fields[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return .success(fields)
    }

    private var fields: [String: String] {
        switch parsed {
        case .success(let fields): fields
        case .failure: [:]
        }
    }
}

extension DatabaseSettings {
    /// libpq's parameters in the order it reads them: what stands before `dbname`, the URL may override; what stands
    /// after, it may not.
    var connectionParameters: [(keyword: String, value: String)] {
        [
            ("application_name", applicationName),
            ("connect_timeout", String(max(2, Int(connectTimeout.rounded(.up))))),
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "25000"),
            ("dbname", url),
            ("client_encoding", "UTF8"),
            ("options", sessionOptions),
        ]
    }

    /// The session's settings; the URL's own options come after the limits, so that an operator can change those.
    private var sessionOptions: String {
        func milliseconds(_ seconds: Double) -> Int { Int((max(0, seconds) * 1000).rounded(.up)) }
        return "-c statement_timeout=\(milliseconds(statementTimeout)) -c lock_timeout=\(milliseconds(lockTimeout))"
            + " -c idle_in_transaction_session_timeout=\(milliseconds(idleInTransactionTimeout))"
            + " \(fields["options"] ?? "") -c TimeZone=UTC -c IntervalStyle=postgres -c DateStyle=ISO"
    }
}

extension DatabaseSettings: CustomStringConvertible, CustomReflectable {
    /// Where it leads, as in `worker@db.example:5432/sentinode`.
    public var description: String {
        if problem != nil { return "an unreadable database URL" }
        let fields = fields
        let user = fields["user"].map { "\($0)@" } ?? ""
        let host = fields["host"] ?? fields["hostaddr"] ?? "the local socket"
        let port = fields["port"].map { ":\($0)" } ?? ""
        let database = fields["dbname"].map { "/\($0)" } ?? ""
        return user + host + port + database
    }

    /// Without this a dump of the settings would show the URL.
    public var customMirror: Mirror {
        Mirror(self, children: ["target": description])
    }
}
