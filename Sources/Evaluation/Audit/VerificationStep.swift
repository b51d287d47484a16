import Database

/// One part of a verification that what the database holds can break, but not end.
enum VerificationStep {
    /// Runs a step inside the caller's transaction, which goes on also where the step breaks.
    ///
    /// Returns why it broke, in words; nil where it came to its end.
    /// - Throws: what says nothing of the record: a lost connection, trouble of the server, a login that may not look.
    static func fault(in name: String, _ connection: DatabaseConnection, _ step: () throws -> Void) throws -> String? {
        try connection.run(script: "savepoint verification_step")
        var fault: String?
        do {
            try step()
        } catch let error as DatabaseError where saysSomething(error) {
            fault = "\(name) cannot be compared to the end, because of what is stored: \(error)"
        } catch let error as OperationError {
            fault = "\(name) cannot be compared to the end, because of what is stored: \(error)"
        }
        try connection.run(script: "rollback to savepoint verification_step")
        return fault
    }

    private static func saysSomething(_ error: DatabaseError) -> Bool {
        !error.isConnectionLost && !error.isTransient && error.sqlstate != "42501"
    }
}

extension FindingList {
    /// What one step finds, a finding a row, each of which knows how many there are in all: the last stands for those
    /// that are not listed. What breaks the step is a finding as well.
    static func ofStep(
        _ table: String, _ connection: DatabaseConnection, _ find: () throws -> [AuditFinding]
    ) throws -> FindingList {
        var findings = FindingList()
        let fault = try VerificationStep.fault(in: table, connection) {
            let found = try find()
            for (index, var finding) in found.enumerated() {
                finding.count = index == found.count - 1 ? finding.count - index : 1
                findings.add(finding)
            }
        }
        if let fault { findings.add(AuditFinding(.unreadable, table: table, detail: fault)) }
        return findings
    }
}
