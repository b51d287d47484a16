import CPostgres

extension DatabaseConnection {
    /// A statement and the values for its `$1`, `$2`, ...
    public typealias Statement = (sql: SQL, parameters: [Parameter])

    /// Runs one statement. It is prepared the first time; parameters and results are binary.
    @discardableResult
    public func query(_ sql: SQL, _ parameters: [Parameter] = []) throws(DatabaseError) -> Rows {
        try pipeline([(sql, parameters)])[0]
    }

    /// Runs several statements in one round trip and returns the rows of each.
    ///
    /// The first error ends it, and the statements after it are not run. Outside of a transaction all of them are one.
    public func pipeline(_ statements: [Statement]) throws(DatabaseError) -> [Rows] {
        guard !statements.isEmpty else { return [] }
        let isOnItsOwn = transactionState == .none
        do {
            return try run(statements)
        } catch  where error.isStaleStatement && isOnItsOwn {
            return try run(statements)
        }
    }

    /// Runs what waits, then `statements`, and COMMIT behind them where asked to; the rows are those of `statements`.
    func run(_ statements: [Statement], commits: Bool = false) throws(DatabaseError) -> [Rows] {
        let waiting = self.waiting
        self.waiting = []
        let operation = "running a pipeline"
        let handle = try workingHandle(operation)
        let steps = try plan(waiting + statements) + (commits ? [.commit] : [])
        guard PQenterPipelineMode(handle) == 1 else {
            throw DatabaseError(operation: operation, result: nil, handle: handle)
        }
        // Each answer is sent at once, so that PostgreSQL is never silent for longer than one statement may take.
        var isSent = steps.allSatisfy { send($0, on: handle) && PQsendFlushRequest(handle) == 1 }
        isSent = isSent && PQpipelineSync(handle) == 1
        guard isSent else {
            // What was sent cannot be taken back, so its answers would be taken for those of later statements.
            giveUpSession()
            throw DatabaseError(operation: operation, result: nil, handle: handle, isLost: true)
        }
        let rows = try receive(steps)
        PQexitPipelineMode(handle)
        return Array(rows.dropFirst(waiting.count))
    }
}

/// One message of a pipeline, for which one answer comes.
private enum Step {
    case begin(SQL)
    case forget(PreparedStatement, name: String)
    case prepare(PreparedStatement, name: String)
    case execute(PreparedStatement, name: String, EncodedParameters, isCached: Bool)
    case commit

    /// The statement that this step expects PostgreSQL to know.
    var cachedStatement: PreparedStatement? {
        switch self {
        case .forget(let statement, _), .execute(let statement, _, _, isCached: true): statement
        case .begin, .prepare, .execute, .commit: nil
        }
    }

    var operation: String {
        switch self {
        case .begin: "beginning a transaction"
        case .forget: "giving up a prepared statement"
        case .prepare(let statement, _): "preparing \"\(statement.sql.summary)\""
        case .execute(let statement, _, _, _): "running \"\(statement.sql.summary)\""
        case .commit: "committing"
        }
    }
}

extension DatabaseConnection {
    /// All the messages for the statements; encodes every value first, so that a refused one leaves nothing half sent.
    private func plan(_ list: [Statement]) throws(DatabaseError) -> [Step] {
        var steps: [Step] = []
        var beingPrepared: [PreparedStatement: String] = [:]
        for (sql, parameters) in list {
            let encoded = try EncodedParameters(parameters, operation: "running \"\(sql.summary)\"")
            let statement = PreparedStatement(sql: sql, types: encoded.types)
            if let name = statements.name(of: statement) ?? beingPrepared[statement] {
                steps.append(.execute(statement, name: name, encoded, isCached: beingPrepared[statement] == nil))
            } else {
                let name = statements.newName()
                beingPrepared[statement] = name
                steps += [.prepare(statement, name: name), .execute(statement, name: name, encoded, isCached: false)]
            }
        }
        if !beingPrepared.isEmpty, let (statement, name) = statements.surplus {
            // After the statements, which may use it once more.
            steps.append(.forget(statement, name: name))
        }
        if case .pending(let begin) = transactionState {
            transactionState = .open
            steps.insert(.begin(begin), at: 0)
        }
        return steps
    }

    private func send(_ step: Step, on handle: OpaquePointer) -> Bool {
        switch step {
        case .begin(let sql):
            PQsendQueryParams(handle, sql.text, 0, nil, nil, nil, nil, 1) == 1
        case .forget(_, let name):
            PQsendQueryParams(handle, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) == 1
        case .prepare(let statement, let name):
            PQsendPrepare(handle, name, statement.sql.text, Int32(statement.types.count), statement.types) == 1
        case .execute(_, let name, let parameters, _):
            parameters.withPointers { values, lengths, formats in
                PQsendQueryPrepared(handle, name, Int32(parameters.types.count), values, lengths, formats, 1) == 1
            }
        case .commit:
            PQsendQueryParams(handle, "COMMIT", 0, nil, nil, nil, nil, 1) == 1
        }
    }

    /// Takes the answer to every step and the mark that ends them; throws the first error when all is read.
    private func receive(_ steps: [Step]) throws(DatabaseError) -> [Rows] {
        var rows: [Rows] = []
        var failure: DatabaseError?
        for step in steps {
            let answer = try receive(step)
            switch answer {
            case .rows(let result): rows.append(Rows(result))
            case .done, .skipped: break
            case .failed(let error): failure = failure ?? error
            }
            if !isAlive { break }
        }
        if isAlive { try receiveEndOfPipeline() }
        if let failure {
            if let handle, isAlive { PQexitPipelineMode(handle) }
            throw failure
        }
        guard isAlive else {
            throw DatabaseError(
                operation: "running a pipeline", sqlstate: "08P01", message: "PostgreSQL's answers came out of order",
                isConnectionLost: true)
        }
        return rows
    }

    private enum Answer {
        case rows(Rows.Result)
        case done
        case failed(DatabaseError)
        /// An earlier step failed.
        case skipped
    }

    private func receive(_ step: Step) throws(DatabaseError) -> Answer {
        let result = try nextResult(step.operation, silenceLimit: settings.silenceLimit)
        let answer = try interpret(result, of: step)
        if isAlive, let extra = try nextResult(step.operation, silenceLimit: settings.silenceLimit) {
            PQclear(extra)
            giveUpSession()
        }
        return answer
    }

    private func interpret(_ result: OpaquePointer?, of step: Step) throws(DatabaseError) -> Answer {
        let handle = try workingHandleOrLost(step.operation)
        let status = PQresultStatus(result)
        if let result, status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY {
            let owned = Rows.Result(owning: result)
            switch step {
            case .execute: return .rows(owned)
            case .prepare(let statement, let name): statements.insert(statement, name: name)
            case .forget(let statement, _): statements.remove(statement)
            case .begin: break
            // PostgreSQL answers COMMIT with success and ROLLBACK when a statement had failed and the body went on.
            case .commit where owned.commandTag != "COMMIT":
                return .failed(
                    DatabaseError(
                        operation: step.operation, sqlstate: "25P02",
                        message: "the transaction was rolled back, because a statement in it had failed"))
            case .commit: break
            }
            return .done
        }
        defer { PQclear(result) }
        if status == PGRES_PIPELINE_ABORTED { return .skipped }
        var error = DatabaseError(operation: step.operation, result: result, handle: handle)
        if error.isConnectionLost { giveUpSession() }
        // The table has changed under the plan, or somebody deallocated it.
        if let statement = step.cachedStatement, ["0A000", "26000"].contains(error.sqlstate) {
            statements.remove(statement)
            error.isStaleStatement = true
        }
        return .failed(error)
    }

    private func workingHandleOrLost(_ operation: String) throws(DatabaseError) -> OpaquePointer {
        guard let handle else { return try workingHandle(operation) }
        return handle
    }

    private func receiveEndOfPipeline() throws(DatabaseError) {
        let result = try nextResult("ending a pipeline", silenceLimit: settings.silenceLimit)
        defer { PQclear(result) }
        if PQresultStatus(result) != PGRES_PIPELINE_SYNC { giveUpSession() }
    }
}

extension EncodedParameters {
    /// Calls with libpq's three arrays, each as long as `types`: addresses (nil is NULL), lengths, formats (all binary).
    fileprivate func withPointers<T>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> T
    ) -> T {
        bytes.withUnsafeBytes { buffer in
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values = spans.map { span in span.flatMap { start?.advanced(by: $0.lowerBound) } }
            let lengths = spans.map { Int32($0?.count ?? 0) }
            return body(values, lengths, [Int32](repeating: 1, count: spans.count))
        }
    }
}
