import AuditTrail
public import Database
public import Foundation

/// Makes inclusion proofs from what is stored, and holds kept receipts against it. Only reads.
public final class ProofDesk {
    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings) throws {
        connection = try DatabaseConnection(settings)
    }

    /// The proofs for everything stored under a job: its prediction, or its quarantined messages.
    ///
    /// - Throws: `OperationError` where the job is unknown, was erased, or does not fit its seal.
    public func proofs(of job: UUID) throws -> [InclusionProof] {
        try reading {
            let rows = try rows(of: job)
            guard !rows.isEmpty else {
                throw OperationError("nothing is stored under the job \(job.text)")
            }
            return try rows.map(proof)
        }
    }

    /// Everything that `body` reads is of one moment.
    private func reading<T>(_ body: () throws -> T) throws -> T {
        try AuditorRole.required(connection) {
            try connection.transaction(isolation: .repeatableRead) { _ in try body() }
        }
    }

    private func rows(of job: UUID) throws -> [(row: SealedRow, position: LeafPosition)] {
        try [Prediction.table, QuarantinedMessage.table].flatMap { table in
            try connection.query(
                "select * from " + table.sql + " where job_id = $1 order by writer, seal, leaf", [.uuid(job)]
            ).map { row in
                if try row.isNull("salt") {
                    throw OperationError("the row of job \(job.text) was erased: of it only its digest is left")
                }
                let position = LeafPosition(
                    writer: try row.uuid("writer"), seal: try row.int8("seal"), leaf: try row.int4("leaf"))
                return (try SealedRow(table, row), position)
            }
        }
    }

    private func proof(_ row: SealedRow, _ position: LeafPosition) throws -> InclusionProof {
        let hash = try Hash()
        let place: [Parameter] = [.uuid(position.writer), .int8(position.seal)]
        let events = try connection.query("select * from audit.events where writer = $1 and seal = $2", place)
        let seals = try connection.query(
            "select previous, leaf_count, root, seal from audit.seals where writer = $1 and number = $2", place)
        guard let event = events.first, let seal = seals.first else { throw ProofDesk.unfit("has no event or no seal") }
        let leaves = try [hash.digest(of: SealedRow(event: event).encoding)] + ProofDesk.leaves(of: event)
        let digest = try hash.digest(of: row.encoding)
        guard leaves.indices.contains(Int(position.leaf)), leaves[Int(position.leaf)] == digest else {
            throw ProofDesk.unfit("is not what was sealed")
        }
        let path = try InclusionPath(to: Int(position.leaf), over: leaves, hash: hash)
        let root = try seal.bytes("root")
        guard try path.root(from: digest, hash: hash) == root, Int64(try seal.int4("leaf_count")) == leaves.count else {
            throw ProofDesk.unfit("stands under an event that is not what was sealed")
        }
        let anchor = try anchor(position, since: try event.timestamp("occurred_at"), hash)
        return InclusionProof(
            row: row, position: position, digest: digest, leafCount: Int64(leaves.count), path: path, root: root,
            seal: try seal.bytes("seal"), previous: try seal.optionalBytes("previous"),
            links: try links(from: position, to: anchor?.head), anchor: anchor)
    }

    private static func unfit(_ what: String) -> OperationError {
        OperationError("the stored row \(what): run `sentinode audit verify`")
    }

    private static func leaves(of event: Row) throws -> [[UInt8]] {
        let bytes = try event.bytes("leaves")
        return stride(from: 0, to: bytes.count, by: 32).map { Array(bytes[$0..<min($0 + 32, bytes.count)]) }
    }

    /// The first checkpoint from `time` on that covers the seal; it is nearly always the first one looked at.
    private func anchor(_ position: LeafPosition, since time: Timestamp, _ hash: Hash) throws -> InclusionProof.Anchor?
    {
        var last: Int64 = 0
        while true {
            let rows = try connection.query(
                """
                select number, document, signature, heads from audit.checkpoints
                where created_at >= $1 and number > $2 order by number limit 20
                """, [.timestamp(time), .int8(last)])
            for row in rows {
                let stored = try StoredCheckpoint(row)
                last = stored.number
                guard let checkpoint = stored.checkpoint else { continue }
                let heads = checkpoint.heads ?? []
                let index = heads.firstIndex { $0.writer == position.writer && $0.number >= position.seal }
                guard let index else { continue }
                return InclusionProof.Anchor(
                    checkpoint: checkpoint, head: heads[index],
                    path: try InclusionPath(to: index, over: heads.map(\.packed), hash: hash))
            }
            if rows.count < 20 { return nil }
        }
    }

    private func links(from position: LeafPosition, to head: SignedHead?) throws -> [InclusionProof.Link] {
        guard let head else { return [] }
        return try connection.query(
            """
            select number, leaf_count, root, seal from audit.seals
            where writer = $1 and number > $2 and number <= $3 order by number
            """, [.uuid(position.writer), .int8(position.seal), .int8(head.number)]
        ).map { row in
            InclusionProof.Link(
                number: try row.int8("number"), leafCount: Int64(try row.int4("leaf_count")),
                root: try row.bytes("root"), seal: try row.bytes("seal"))
        }
    }
}

extension ProofDesk {
    /// Holds a receipt that somebody kept against what is stored; says what it found.
    ///
    /// - Throws: `OperationError` where it does not fit.
    public func check(_ receipt: KeptReceipt) throws -> String {
        try reading {
            let name = "seal \(receipt.seal) of writer \(receipt.writer.text)"
            let seals = try connection.query(
                "select leaf_count, root from audit.seals where writer = $1 and number = $2",
                [.uuid(receipt.writer), .int8(receipt.seal)])
            guard let seal = seals.first else { throw OperationError("the receipt does not fit: \(name) is gone") }
            guard hexadecimal(try seal.bytes("root")) == receipt.root else {
                throw OperationError("the receipt does not fit: \(name) has another root now")
            }
            guard receipt.leaf < (try seal.int4("leaf_count")) else {
                throw OperationError("the receipt does not fit: \(name) has no leaf \(receipt.leaf)")
            }
            guard let job = receipt.job else { return "the receipt fits \(name); it names no job" }
            let rows = try rows(of: job)
            guard let row = rows.first(where: { $0.position == receipt.position }) else {
                throw OperationError("the receipt does not fit: the row of job \(job.text) is gone or stands elsewhere")
            }
            _ = try proof(row.row, row.position)
            let compared = try receipt.message.compared(with: row.row)
            return "the receipt fits: job \(job.text) stands under \(name) as it did then"
                + (compared > 0 ? ", and \(compared) fields of the message say what is stored" : "")
        }
    }
}
