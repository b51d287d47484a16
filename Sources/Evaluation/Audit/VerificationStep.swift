import Database

/// One part of a verification that what the database holds can break, but not end.
enum VerificationStep {
    /// Runs a step inside the caller's transaction, which goes on also where the step breaks.
    ///
    /// Returns why it broke, in words; nil where it came to its end.
    /// - Throws: what says nothing of the record: a lost connection, trouble of the server.
    static func fault(in name: String, _ connection: DatabaseConnection, _ step: () throws -> Void) throws -> String? {
        try connection.run(script: "savepoint verification_step")
        var fault: String?
        do {
            try step()
        } catch let error as DatabaseError where !error.isConnectionLost && !error.isTransient {
            fault = "\(name) cannot be compared to the end, because of what is stored: \(error)"
        } catch let error as OperationError {
            fault = "\(name) cannot be compared to the end, because of what is stored: \(error)"
        }
        try connection.run(script: "rollback to savepoint verification_step")
        return fault
    }
}
