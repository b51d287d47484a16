import Database

/// Looks at what waits to be read, and for predictions that would never be.
extension Checkup {
    /// Nothing for logins that may not know, as a worker's own.
    func worklist(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        guard try mayRead("review", "worklist_items", connection) else { return [] }
        return [try waiting(connection)] + (try unreadable(connection)) + (try forgotten(connection))
    }

    /// Patches that none of the active readers may take: of a site that nobody was granted, or for an adjudicator where
    /// nobody adjudicates.
    private func unreadable(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        guard try mayRead("review", "readers", connection) else { return [] }
        let rows = try connection.query(
            """
            with active as (
                select sites, adjudicates
                from (select distinct on (login) * from review.readers order by login, version desc) as reader
                join pg_roles on rolname = login and rolcanlogin
                where active_from <= now() and (active_to is null or active_to > now())
            ), waiting as (
                select coalesce(site, '') as site, stage = 'adjudication' as for_adjudicator, count(*) as patches
                from review.worklist_items group by 1, 2
            )
            select site, for_adjudicator, patches from waiting
            where not exists (
                select from active
                where (sites ? '*' or (site <> '' and sites ? site)) and (adjudicates or not for_adjudicator))
            order by patches desc, site, for_adjudicator limit 10
            """)
        return try rows.map { row in
            let (site, patches) = (try row.text("site"), try row.int8("patches"))
            let place = site.isEmpty ? "without a site" : "of site \(site)"
            let whom = try row.bool("for_adjudicator") ? "an adjudicator" : "a reader"
            return .warning(
                "worklist", "\(patches) patches \(place) wait for \(whom), and nobody may read them",
                "sentinode reader add with --site \(site.isEmpty ? "'*'" : site)"
                    + (try row.bool("for_adjudicator") ? " and --adjudicates" : ""))
        }
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
                return try connection.query(
                    "select count(*) as forgotten from (" + ForgottenReviews.selectSQL + ") as forgotten"
                ).onlyRow().int8("forgotten")
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
}
