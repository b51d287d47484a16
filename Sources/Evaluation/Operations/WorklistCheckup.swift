import Database

/// Looks at what waits to be read, and for predictions that would never be.
extension Checkup {
    /// Nothing for logins that may not know, as a worker's own.
    func worklist(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        guard try mayRead("review", "worklist_items", connection) else { return [] }
        return [try waiting(connection)] + (try forgotten(connection))
    }

    private func waiting(_ connection: DatabaseConnection) throws -> CheckupResult {
        let row = try connection.query(
            """
            select count(*) as waiting, count(*) filter (where due_at < now()) as overdue from review.worklist_items
            """
        ).onlyRow()
        let (waiting, overdue) = (try row.int8("waiting"), try row.int8("overdue"))
        guard overdue > 0 else { return .good("worklist", "\(waiting) patches wait to be read, none is overdue") }
        return .warning(
            "worklist", "\(waiting) patches wait to be read, \(overdue) are overdue",
            "more readers, or a review policy that selects less")
    }

    /// Predictions selected for review that nobody is served, though readings or an adjudication are missing. Looks for at
    /// most so many seconds.
    func forgotten(_ connection: DatabaseConnection, patience: Int = 10) throws -> [CheckupResult] {
        guard try mayRead("sentinode", "predictions", connection), try mayRead("review", "labels", connection) else {
            return []
        }
        let count: Int64
        do {
            count = try connection.transaction { connection in
                try connection.query("select set_config('statement_timeout', $1, true)", [.text("\(patience)s")])
                return try connection.query(Checkup.forgottenSQL).onlyRow().int8("forgotten")
            }
        } catch let error as DatabaseError where error.sqlstate == "57014" {
            return [
                .warning(
                    "worklist", "not compared with the predictions: it takes longer than \(patience) s",
                    "look again when less is going on")
            ]
        }
        guard count > 0 else { return [] }
        return [
            .warning(
                "worklist", "\(count) predictions were selected for review, lack readings, and are not on the worklist",
                "nobody would ever read them. Something was changed beside Sentinode: `sentinode audit verify` says whether "
                    + "records were. A member of sentinode_owner who sees every site puts them back: SET ROLE "
                    + "sentinode_owner; SELECT review.settle(job_id) FROM sentinode.predictions AS it WHERE review_reason "
                    + "IS NOT NULL AND NOT EXISTS (SELECT FROM review.worklist_items WHERE job_id = it.job_id)")
        ]
    }

    /// By the rule of `review.settle`, which brings the worklist up to date after every label. Hash joins over what was
    /// selected: 0.4 s with a million predictions.
    private static let forgottenSQL: SQL = """
        with standing as (
            select said.job_id, count(*) filter (where reading in ('first read', 'second read')) as readings,
                count(distinct label) filter (where reading in ('first read', 'second read')) as answers,
                count(*) filter (where reading = 'adjudication') as adjudications
            from review.labels as said
            where said.label is not null
                and not exists (select from review.labels as later where later.supersedes = said.label_id)
            group by said.job_id
        )
        select count(*) as forgotten
        from sentinode.predictions as prediction
        left join standing using (job_id)
        where prediction.review_reason is not null
            and not exists (select from review.worklist_items as item where item.job_id = prediction.job_id)
            and (coalesce(standing.readings, 0) < coalesce(prediction.reads_wanted, 1)
                 or (standing.answers > 1 and standing.adjudications = 0))
        """
}
