import Database
import Foundation

extension LabelPlan {
    /// Puts what a file says beside what is stored already.
    ///
    /// - Throws: `OperationError` where there is no such reader.
    init(_ matching: LabelMatching, reader: String, _ connection: DatabaseConnection) throws {
        let sites = try LabelPlan.sites(of: reader, connection)
        let given = Array(matching.labels)
        let rows = try connection.query(
            LabelPlan.standingSQL,
            [.uuidArray(given.map(\.key)), .textArray(given.map(\.value.rawValue)), .text(reader)]
        ).map(LabelPlan.Row.init)
        let foreign = rows.filter { row in
            row.standing == .new && !sites.contains("*") && !(row.site.map(sites.contains) ?? false)
        }
        self.init(
            reader: reader, rows: rows, unknown: matching.unknown, untouched: matching.untouched,
            partly: matching.partly,
            marks: QuPathMark.allCases.compactMap { mark in matching.marks[mark].map { (mark, $0) } },
            foreignSites: Set(foreign.map { $0.site ?? "(none)" }).sorted())
    }

    private static func sites(of reader: String, _ connection: DatabaseConnection) throws -> Set<String> {
        let rows = try connection.query(
            """
            select array(select jsonb_array_elements_text(sites)) as sites
            from review.readers where login = $1 order by version desc limit 1
            """, [.text(reader)])
        guard let row = rows.first else {
            throw OperationError("there is no reader \(reader): `sentinode reader list` shows those there are")
        }
        return Set(try row.textArray("sites").compactMap { $0 })
    }

    private static let standingSQL: SQL = """
        select prediction.job_id, given.label, prediction.slide_id, prediction.x, prediction.y, prediction.site,
            mine.job_id is not null as is_mine, mine.label is not distinct from given.label as is_same,
            exists (select from review.labels as other
                    where other.job_id = given.job_id and other.reader <> $3 and other.label <> given.label
                        and not exists (select from review.labels as later where later.supersedes = other.label_id))
                as contradicts
        from unnest($1::uuid[], $2::text[]) as given (job_id, label)
        join sentinode.predictions as prediction using (job_id)
        left join lateral (
            select said.job_id, said.label from review.labels as said
            where said.job_id = given.job_id and said.reader = $3
                and not exists (select from review.labels as later where later.supersedes = said.label_id)
        ) as mine on true
        order by prediction.slide_id, prediction.y, prediction.x, prediction.job_id
        """
}

extension LabelPlan.Row {
    fileprivate init(_ row: Database.Row) throws {
        guard let label = Label(rawValue: try row.text("label")) else {
            throw OperationError("an unknown label came back")
        }
        self.label = label
        job = try row.uuid("job_id")
        slide = try row.optionalText("slide_id")
        x = try row.optionalInt8("x")
        y = try row.optionalInt8("y")
        site = try row.optionalText("site")
        standing = try !row.bool("is_mine") ? .new : row.bool("is_same") ? .already : .otherwise
        contradictsOthers = try row.bool("contradicts")
    }
}
