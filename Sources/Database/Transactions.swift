import CPostgres
import Glibc

/// What a transaction sees of others; PostgreSQL's default is read committed.
public enum Isolation: Sendable {
    case readCommitted
    case repeatableRead
    case serializable
    /// One moment for the whole transaction, which changes nothing.
    case repeatableReadOnly

    fileprivate var begin: SQL {
        switch self {
        case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
        case .repeatableReadOnly: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        }
    }
}

/// Where the connection stands between BEGIN and COMMIT.
enum TransactionState: Equatable {
    case none
    /// BEGIN goes out with the first statement, in the same round trip.
    case pending(SQL)
    case open

    var isPending: Bool {
        if case .pending = self { true } else { false }
    }
}

extension DatabaseConnection {
    /// Runs the body between BEGIN and COMMIT, or ROLLBACK when it throws.
    ///
    /// A COMMIT whose answer is lost throws with `commitUnknown`. Transactions do not nest.
    public func transaction<T>(
        isolation: Isolation = .readCommitted, _ body: (DatabaseConnection) throws -> T
    ) throws -> T {
        try begin(isolation)
        do {
            let value = try body(self)
            try commit()
            return value
        } catch {
            rollBack()
            throw error
        }
    }

    /// A transaction that runs again, up to `attempts` times in all, when it lost a race (40001, 40P01).
    ///
    /// The body may so run several times. `pause` takes seconds; without it the thread sleeps.
    public func retryingTransaction<T>(
        attempts: Int = 5, isolation: Isolation = .readCommitted,
        pause: ((Double) -> Void)? = nil, _ body: (DatabaseConnection) throws -> T
    ) throws -> T {
        var attempt = 1
        while true {
            do {
                return try transaction(isolation: isolation, body)
            } catch let error as DatabaseError where error.isLostRace && attempt < attempts {
                let delay = Self.delay(afterAttempt: attempt, jitter: .random(in: 0...1))
                if let pause { pause(delay) } else { usleep(UInt32(delay * 1_000_000)) }
                attempt += 1
            }
        }
    }

    /// Seconds: 10 ms doubling up to 1 s, of which half to all, so that those who met once do not meet again.
    static func delay(afterAttempt attempt: Int, jitter: Double) -> Double {
        let full = min(1, 0.01 * Double(1 << min(attempt - 1, 10)))
        return full * (0.5 + 0.5 * jitter)
    }
}

extension DatabaseConnection {
    /// Has a statement run in the open transaction that nothing is asked of: it goes out in front of the next one, or of
    /// COMMIT, in the same round trip, and what it fails with is thrown there.
    public func putOff(_ sql: SQL, _ parameters: [Parameter] = []) throws(DatabaseError) {
        guard transactionState != .none else {
            throw DatabaseError(
                operation: "putting off \"\(sql.summary)\"", sqlstate: "25P01", message: "no transaction is open")
        }
        waiting.append((sql, parameters))
    }

    private func begin(_ isolation: Isolation) throws(DatabaseError) {
        _ = try workingHandle("beginning a transaction")
        guard transactionState == .none else {
            throw DatabaseError(
                operation: "beginning a transaction", sqlstate: "25001", message: "a transaction is already open")
        }
        transactionState = .pending(isolation.begin)
    }

    /// Sends what waits to be sent together with something: BEGIN, and statements that were put off.
    public func sendWaiting() throws(DatabaseError) {
        guard transactionState.isPending || !waiting.isEmpty else { return }
        _ = try run([])
    }

    private func commit() throws(DatabaseError) {
        switch transactionState {
        case .pending where waiting.isEmpty: transactionState = .none
        case .none:
            throw DatabaseError(
                operation: "committing", sqlstate: "25P01", message: "the transaction ended before it was committed")
        case .pending, .open: try commitNow()
        }
    }

    private func commitNow() throws(DatabaseError) {
        do {
            _ = try run([], commits: true)
            transactionState = .none
        } catch {
            if !isInTransaction { transactionState = .none }
            var error = error
            error.commitUnknown = error.isConnectionLost && error.sqlstate != "08003"
            throw error
        }
    }

    /// Called after an error; when PostgreSQL cannot be asked to roll back, the end of the session does it.
    private func rollBack() {
        defer { transactionState = .none }
        waiting = []
        guard transactionState == .open, isAlive else { return }
        do {
            try run(script: "ROLLBACK")
        } catch {
            giveUpSession()
        }
    }
}
