import Database

/// Whether every seal that a checkpoint signed is still there, and the same.
struct SignedHeadCheck {
    private let checkpoints: [Checkpoint]
    private let restored: [(numbers: ClosedRange<Int64>, by: CheckpointDocument)]

    init(_ checkpoints: [Checkpoint], restored: [(numbers: ClosedRange<Int64>, by: CheckpointDocument)]) {
        self.checkpoints = checkpoints
        self.restored = restored
    }

    func run(_ connection: DatabaseConnection, _ report: inout AnchorReport) throws {
        for checkpoint in checkpoints {
            let heads = checkpoint.heads ?? []
            report.heads += heads.count
            var lost = 0
            for start in stride(from: 0, to: heads.count, by: 10_000) {
                let page = heads[start..<min(start + 10_000, heads.count)]
                lost += try compare(page, checkpoint.document, connection, &report)
            }
            if lost > 0 {
                report.notes.append(
                    "\(lost) chain heads of checkpoint \(checkpoint.document.number) went with the restore")
            }
        }
    }

    /// Returns how many are missing for a reason that is signed.
    private func compare(
        _ heads: ArraySlice<SignedHead>, _ document: CheckpointDocument, _ connection: DatabaseConnection,
        _ report: inout AnchorReport
    ) throws -> Int {
        let rows = try connection.query(
            """
            select head.writer, head.number, seals.seal is null as missing
            from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as head (writer, number, seal)
            left join audit.seals on seals.writer = head.writer and seals.number = head.number
            where seals.seal is distinct from head.seal order by head.writer
            """,
            [.uuidArray(heads.map(\.writer)), .int8Array(heads.map(\.number)), .bytesArray(heads.map(\.seal))])
        if restored.contains(where: { $0.numbers.contains(document.number) }) { return rows.count }
        for row in rows {
            let isMissing = try row.bool("missing")
            report.findings.append(
                AnchorFinding(
                    isMissing ? .headMissing : .headChanged,
                    "seal \(try row.int8("number")) of writer \(try row.uuid("writer").text), signed by checkpoint "
                        + "\(document.number) of \(document.signedAt), is \(isMissing ? "gone" : "another now")"))
        }
        return 0
    }
}
