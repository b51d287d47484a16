import Database

/// One part of the comparison with what is kept outside, or was recorded: what the database holds can never end it.
enum AnchorStep {
    /// Runs a step inside the caller's transaction. Where a value in the database breaks it, that is a finding beside
    /// those that the step had made, and the transaction goes on.
    ///
    /// - Throws: what says nothing of the record: a lost connection, trouble of the server, a missing privilege.
    static func run(
        _ name: String, _ connection: DatabaseConnection, _ report: inout AnchorReport,
        _ step: (inout AnchorReport) throws -> Void
    ) throws {
        try connection.run(script: "savepoint anchor_step")
        do {
            try step(&report)
        } catch let error as DatabaseError where isFaultOfValues(error) {
            report.findings.append(finding(name, error))
        } catch let error as OperationError {
            report.findings.append(finding(name, error))
        }
        try connection.run(script: "rollback to savepoint anchor_step")
    }

    private static func finding(_ name: String, _ error: any Error) -> AnchorFinding {
        AnchorFinding(.unreadable, "\(name) cannot be compared to the end, because of what is stored: \(error)")
    }

    private static func isFaultOfValues(_ error: DatabaseError) -> Bool {
        !error.isConnectionLost && !error.isTransient && error.sqlstate != "42501"
    }
}
