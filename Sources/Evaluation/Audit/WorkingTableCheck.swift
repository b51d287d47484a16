import Database

/// Whether working tables still hold what follows from rows of the trail. They are no leaves of it: what was taken out
/// of them shows only there.
enum WorkingTableCheck {
    private static let worklist = "review.worklist_items"

    /// Predictions that were selected, lack readings, and wait for nobody.
    static func forgotten(_ connection: DatabaseConnection) throws -> FindingList {
        try FindingList.ofStep(worklist, connection) {
            try connection.query(forgottenSQL, [.int8(Int64(FindingList.kept))]).map { row in
                try finding(
                    .workingRowMissing, row,
                    "the prediction was selected for review and lacks readings, and nobody is served it")
            }
        }
    }

    private static let forgottenSQL =
        "select *, count(*) over () as all from (" + ForgottenReviews.selectSQL + ") as forgotten "
        + "order by writer, seal, leaf limit $1"

    /// What waits to be read and was changed, which could hide it from its readers.
    static func altered(_ connection: DatabaseConnection) throws -> FindingList {
        try FindingList.ofStep(worklist, connection) {
            try connection.query(alteredSQL, [.int8(Int64(FindingList.kept))]).map { row in
                let columns = try row.text("columns")
                return try finding(
                    .workingRowChanged, row,
                    "not what follows from the prediction, its policy, labels and claims: \(columns)")
            }
        }
    }

    private static func finding(_ kind: AuditFinding.Kind, _ row: Row, _ detail: String) throws -> AuditFinding {
        var finding = AuditFinding(
            kind, table: worklist, position: EventPosition(writer: try row.uuid("writer"), seal: try row.int8("seal")),
            leaf: try row.int4("leaf"), detail: detail, count: Int(try row.int8("all")))
        finding.key = "job_id=\(try row.uuid("job_id").text)"
        return finding
    }

    /// Materialized, because the planner would look for each of the few that are listed alone: 3 s with 80,000 that wait
    /// and a million predictions.
    private static let alteredSQL: SQL =
        "with standing as (" + ForgottenReviews.standingSQL + "), altered as materialized (" + itemsSQL + ") "
        + "select *, count(*) over () as all from altered order by writer, seal, leaf limit $1"

    /// As `review.put_on_worklist` and `review.settle` make them. Times come from acts: a patch is due so long after it was
    /// added or labelled, and a lease ends when its claim says. What was erased waits no more.
    private static let itemsSQL: SQL = """
        select item.job_id, prediction.writer, prediction.seal, prediction.leaf, changed.columns
        from review.worklist_items as item
        join sentinode.predictions as prediction using (job_id)
        left join review.policy_rules as rule
            on (rule.generation, rule.rule) = (prediction.review_policy, prediction.review_rule)
        left join standing using (job_id)
        cross join lateral (
            select item.due_at - make_interval(hours => coalesce(rule.due_hours, 72)) as since
        ) as due
        cross join lateral (
            select string_agg(held.name, ', ') as columns
            from (values
                ('site', item.site is distinct from prediction.site),
                ('slide_id', item.slide_id is distinct from prediction.slide_id),
                ('image_sha256', item.image_sha256 is distinct from prediction.image_sha256),
                ('reads_wanted', item.reads_wanted <> coalesce(prediction.reads_wanted, 1)),
                ('blind', item.blind <> coalesce(prediction.blind, false)),
                ('stream', item.stream <> case when prediction.audit_selected then 'audit' else 'clinical' end),
                ('priority', item.priority <> coalesce(rule.priority, 10)),
                ('reading_order', item.reading_order
                    <> sha256(convert_to('sentinode.reading-order.v1', 'UTF8') || uuid_send(item.job_id))),
                ('stage', item.stage is distinct from case
                    when prediction.review_reason is null then null
                    when coalesce(standing.readings, 0) = 0 then 'first read'
                    when standing.readings < coalesce(prediction.reads_wanted, 1) then 'second read'
                    when standing.answers > 1 and standing.adjudications = 0 then 'adjudication' end),
                -- Two servers' clocks may differ a little.
                ('added_at', item.added_at > greatest(now(), prediction.stored_at) + interval '1 day'),
                ('due_at', due.since <> item.added_at and not exists (
                    select from review.labels as said join audit.events as event using (writer, seal)
                    where said.job_id = item.job_id and event.occurred_at = due.since)),
                ('leased_until', item.leased_by is not null and not exists (
                    select from review.claims as claim
                    where (claim.job_id, claim.reader, claim.claimed_at)
                            = (item.job_id, item.leased_by, item.leased_at)
                        and claim.leased_until >= item.leased_until))
            ) as held (name, differs)
            where held.differs
        ) as changed
        where prediction.salt is not null and changed.columns is not null
        """

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
