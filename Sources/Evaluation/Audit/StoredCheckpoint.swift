import Database

/// A row of `audit.checkpoints` as it stands: a checkpoint, or why it is none.
struct StoredCheckpoint {
    let number: Int64
    let content: Result<Checkpoint, OperationError>

    /// From the columns `number`, `document`, `signature` and `heads`.
    init(_ row: Row) throws {
        let number = try row.int8("number")
        self.number = number
        do {
            let checkpoint = try Checkpoint(row)
            content =
                checkpoint.document.number == number
                ? .success(checkpoint) : .failure(OperationError("it names another number"))
        } catch let error as OperationError {
            content = .failure(error)
        }
    }

    /// nil where it cannot be read.
    var checkpoint: Checkpoint? {
        switch content {
        case .success(let checkpoint): checkpoint
        case .failure: nil
        }
    }

    /// The row, for whoever has to mend it.
    func sentence(_ fault: OperationError) -> String {
        "checkpoint \(number) in the database, row number=\(number) of audit.checkpoints, cannot be read: \(fault)"
    }

    private static let selectSQL: SQL = "select number, document, signature, heads from audit.checkpoints "

    /// The newest row, whatever it holds; nil where there is none.
    static func newest(in connection: DatabaseConnection) throws -> StoredCheckpoint? {
        try connection.query(selectSQL + "order by number desc limit 1").first.map(StoredCheckpoint.init)
    }

    /// The newest one that can be read; nil where there is none.
    static func newestReadable(in connection: DatabaseConnection) throws -> Checkpoint? {
        var last = Int64.max
        while true {
            let rows = try connection.query(
                selectSQL + "where number < $1 order by number desc limit 20", [.int8(last)])
            for row in rows {
                let stored = try StoredCheckpoint(row)
                if let checkpoint = stored.checkpoint { return checkpoint }
                last = stored.number
            }
            if rows.count < 20 { return nil }
        }
    }

    /// The row of a number; nil where there is none.
    static func numbered(_ number: Int64, in connection: DatabaseConnection) throws -> StoredCheckpoint? {
        try connection.query(selectSQL + "where number = $1", [.int8(number)]).first.map(StoredCheckpoint.init)
    }

    /// The rows in between, in order.
    static func all(after first: Int64, before end: Int64, in connection: DatabaseConnection) throws
        -> [StoredCheckpoint]
    {
        try connection.query(
            selectSQL + "where number > $1 and number < $2 order by number", [.int8(first), .int8(end)]
        ).map(StoredCheckpoint.init)
    }
}
