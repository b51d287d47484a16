import Database

/// Whether working tables still hold what follows from rows of the trail. They are no leaves of it: what was taken out
/// of them shows only there.
enum WorkingTableCheck {
    /// Predictions that were selected, lack readings, and wait for nobody.
    static func worklist(_ connection: DatabaseConnection) throws -> FindingList {
        let table = "review.worklist_items"
        return try FindingList.ofStep(table, connection) {
            try connection.query(forgottenSQL, [.int8(Int64(FindingList.kept))]).map { row in
                var finding = AuditFinding(
                    .workingRowMissing, table: table,
                    position: EventPosition(writer: try row.uuid("writer"), seal: try row.int8("seal")),
                    leaf: try row.int4("leaf"),
                    detail: "the prediction was selected for review and lacks readings, and nobody is served it",
                    count: Int(try row.int8("all")))
                finding.key = "job_id=\(try row.uuid("job_id").text)"
                return finding
            }
        }
    }

    private static let forgottenSQL =
        "select *, count(*) over () as all from (" + ForgottenReviews.selectSQL + ") as forgotten "
        + "order by writer, seal, leaf limit $1"

    /// Chains that functions of the database continue, which must say to whom they belong: else another login could.
    static func chains(_ connection: DatabaseConnection) throws -> FindingList {
        let table = "audit.chains"
        return try FindingList.ofStep(table, connection) {
            try connection.query(chainsSQL, [.int8(Int64(FindingList.kept))]).map { row in
                let owner = try row.optionalText("login")
                var finding = AuditFinding(
                    owner == nil ? .workingRowMissing : .workingRowChanged, table: table,
                    position: EventPosition(writer: try row.uuid("writer"), seal: try row.int8("seal")),
                    detail: owner.map { "the chain is said to belong to \($0), and another login acted in it" }
                        ?? "the chain has seals and belongs to nobody, so that any login could continue it",
                    count: Int(try row.int8("all")))
                finding.key = "writer=\(try row.uuid("writer").text)"
                return finding
            }
        }
    }

    /// Acts that only functions of the database record, through `audit.begin_act`. Workers and commands have chains of
    /// their own, which stand nowhere else; what both have recorded, `work.paused` and its like, tells nothing.
    private static let chainsSQL: SQL = """
        select act.writer, act.seal, chain.login, count(*) over () as all
        from (
            select distinct on (writer) writer, seal, actor from audit.events
            where action in ('case.erased', 'slide.erased', 'images.pruned', 'labels.imported', 'policy.set')
                or action like 'label.%' or action like 'review.%' or action like 'reader.%'
            order by writer, seal
        ) as act
        left join audit.chains as chain using (writer)
        where chain.login is distinct from act.actor
        order by act.writer limit $1
        """
}
