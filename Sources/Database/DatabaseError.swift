/// What went wrong in talking to PostgreSQL. It never holds a parameter, a row's value or the password.
public struct DatabaseError: Error, Sendable, Hashable {
    /// What was being done, as in `connecting` or `running "insert into ..."`.
    public let operation: String
    /// Five characters of the standard; `08001` and `08006` also for trouble that the client met on its own.
    public let sqlstate: String
    /// PostgreSQL's primary message and hint. Its detail and context print values and are left out.
    public let message: String
    public let constraint: String?
    public let table: String?
    /// The session is gone: nothing works before `reset`.
    public let isConnectionLost: Bool
    /// The connection was lost while COMMIT was under way: the transaction may stand or not.
    public var commitUnknown = false
    /// No connection can be made with these settings, whoever answers: an unknown TLS mode, TLS that the server does not
    /// speak, a certificate that is missing or does not verify.
    public internal(set) var isMisconfigured = false
    /// A cached plan no longer fits the tables; the next try prepares it anew.
    var isStaleStatement = false
    /// Which statement of a script failed, from 1.
    var statementNumber: Int?
    /// Where in the statement, in characters from 1.
    var position: Int?

    init(
        operation: String, sqlstate: String, message: String, constraint: String? = nil, table: String? = nil,
        isConnectionLost: Bool = false
    ) {
        self.operation = operation
        self.sqlstate = sqlstate
        self.message = message
        self.constraint = constraint
        self.table = table
        self.isConnectionLost = isConnectionLost
    }
}

extension DatabaseError {
    /// What the caller does about it.
    public enum Kind: Sendable {
        /// Trouble of the surroundings: the same again, later, may work.
        case transient
        /// A value cannot be stored, now or later.
        case refusedRow
        /// The program, the schema or the privileges are wrong: a person must look.
        case fatal
    }

    /// By SQLSTATE class, see appendix A of PostgreSQL's manual.
    public var kind: Kind {
        if isMisconfigured { return .fatal }
        if isConnectionLost { return Self.needsPerson(sqlstate) ? .fatal : .transient }
        // 25006, a read-only server: the primary has moved.
        if isStaleStatement || sqlstate == "25006" || sqlstate == "55P03" { return .transient }
        switch sqlstate.prefix(2) {
        case "08", "40", "53", "57", "58": return .transient
        // 54 besides 22 and 23: an index row too long and json too deep are faults of the value; 44: a view's check.
        case "22", "23", "44", "54": return .refusedRow
        default: return .fatal
        }
    }

    public var isTransient: Bool { kind == .transient }

    /// The transaction lost a race and is worth running again at once: serialization failure or deadlock.
    public var isLostRace: Bool { sqlstate == "40001" || sqlstate == "40P01" || isStaleStatement }

    /// A row with the same primary key is stored already, or was a moment ago by somebody who has committed since.
    public var isKeyTaken: Bool { sqlstate == "23505" && constraint?.hasSuffix("_pkey") == true }

    /// Refused connections that do not mend themselves: login, database name, privileges, configuration.
    private static func needsPerson(_ sqlstate: String) -> Bool {
        ["28", "3D", "42", "22"].contains(sqlstate.prefix(2))
    }
}

extension DatabaseError: CustomStringConvertible {
    public var description: String {
        var notes = ["SQLSTATE \(sqlstate)"]
        if let table { notes.append("table \(table)") }
        if let constraint { notes.append("constraint \(constraint)") }
        if commitUnknown { notes.append("whether it was committed is unknown") }
        return "\(operation): \(message) (\(notes.joined(separator: ", ")))"
    }
}
