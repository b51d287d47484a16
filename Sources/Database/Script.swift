import CPostgres

extension DatabaseConnection {
    /// Runs a text of one or more statements without parameters. For migrations and set-up: never put values in it.
    ///
    /// Outside of a transaction, statements that do not begin one themselves stand or fall together.
    public func run(script: String) throws(DatabaseError) {
        _ = try run(script: script, silenceLimit: settings.silenceLimit)
    }

    /// The results of all statements; `silenceLimit` in seconds, nil for statements that may take any time.
    func run(script: String, silenceLimit: Double?) throws(DatabaseError) -> [Rows.Result] {
        let operation = "running a script"
        try sendWaiting()
        let handle = try workingHandle(operation)
        guard !script.utf8.contains(0) else {
            throw DatabaseError(
                operation: operation, sqlstate: "42601", message: "the script contains the character NUL")
        }
        guard PQsendQuery(handle, script) == 1 else {
            throw DatabaseError(operation: operation, result: nil, handle: handle)
        }
        var results: [Rows.Result] = []
        var failure: DatabaseError?
        while let result = try nextResult(operation, silenceLimit: silenceLimit) {
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                results.append(Rows.Result(owning: result))
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                PQclear(result)
                giveUpSession()
                throw DatabaseError(
                    operation: operation, sqlstate: "0A000", message: "COPY from or to the client is not possible here")
            default:
                var error = DatabaseError(operation: operation, result: result, handle: handle)
                PQclear(result)
                if error.isConnectionLost { giveUpSession() }
                error.statementNumber = results.count + 1
                failure = error
            }
            if !isAlive { break }
        }
        if let failure { throw failure }
        return results
    }
}
