public import Database
import Foundation

/// Stores labels that a reader gave elsewhere, as the login of its database connection.
public final class LabelImport {
    /// Labels stored by one call, at most 10,000; all calls stand in one transaction.
    private let chunk: Int
    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings, chunk: Int = 5000) throws {
        self.chunk = chunk
        connection = try DatabaseConnection(settings)
    }

    /// Looks at what a file says: CSV, or QuPath's GeoJSON of one slide. Nothing is stored.
    ///
    /// `patchSide` is the side of a patch in full-resolution pixels; nil for 96 times 2 to the power of its level.
    public func plan(file: String, reader: String, slide: String?, names: LabelNames, patchSide: Int64?) throws
        -> LabelPlan
    {
        do {
            let bytes = try LabelImport.read(file)
            guard let slide else { return try plan(LabelTable(LabelImport.text(bytes), names: names), reader: reader) }
            let regions = try LabelledRegions(QuPathFile(bytes), names: names)
            return try plan(regions, slide: slide, reader: reader, patchSide: patchSide)
        } catch let error as OperationError {
            throw OperationError("\(file), \(error.description)")
        }
    }

    /// Stores what is new in the plan, all or none. Returns how many labels.
    public func store(_ plan: LabelPlan, reason: String, confidence: Int32?) throws -> Int {
        guard plan.foreignSites.isEmpty else {
            throw OperationError(
                "nothing was imported: the reader \(plan.reader) may not read the site "
                    + plan.foreignSites.joined(separator: ", ") + "; grant it with `sentinode reader add`")
        }
        let rows = plan.toStore
        try connection.transaction { connection in
            for start in stride(from: 0, to: rows.count, by: chunk) {
                let some = rows[start..<min(start + chunk, rows.count)]
                try connection.query(
                    "select review.import_labels($1, $2, $3, $4, $5)",
                    [
                        .text(plan.reader), .uuidArray(some.map(\.job)), .textArray(some.map(\.label.rawValue)),
                        .text(reason), .int4(confidence),
                    ])
            }
        }
        return rows.count
    }

    private static func read(_ file: String) throws(OperationError) -> Data {
        do {
            return try Data(contentsOf: URL(filePath: file))
        } catch {
            throw OperationError("it cannot be read")
        }
    }

    private static func text(_ bytes: Data) throws(OperationError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw OperationError("it is not UTF-8 text") }
        return text
    }

    // MARK: What the file says of which job

    private typealias Given = (job: UUID, label: Label)

    private func plan(_ table: LabelTable, reader: String) throws -> LabelPlan {
        var given: [UUID: (line: Int, label: Label)] = [:]
        var unknown: [String] = []
        let places = try jobs(at: table.rows.map(\.patch))
        let known = try connection.query(
            "select job_id from sentinode.predictions where job_id = any($1)",
            [.uuidArray(table.rows.compactMap { if case .job(let job) = $0.patch { job } else { nil } })])
        let knownJobs = Set(try known.map { try $0.uuid("job_id") })
        for row in table.rows {
            let jobs: [UUID] =
                switch row.patch {
                case .job(let job): knownJobs.contains(job) ? [job] : []
                case .place: places[row.patch] ?? []
                }
            if jobs.isEmpty { unknown.append("line \(row.line)") }
            for job in jobs {
                if let before = given[job], before.label != row.label {
                    throw OperationError(
                        "line \(row.line), column label: line \(before.line) says otherwise of this job")
                }
                given[job] = (row.line, row.label)
            }
        }
        return try plan(given.map { ($0.key, $0.value.label) }, reader: reader, unknown: unknown)
    }

    private func plan(_ regions: LabelledRegions, slide: String, reader: String, patchSide: Int64?) throws -> LabelPlan
    {
        let rows = try connection.query(
            "select job_id, x, y, level from sentinode.predictions where slide_id = $1 and x is not null and y is not null",
            [.text(slide)])
        let patches = try rows.map { try LabelledRegions.Patch($0, side: patchSide) }
        guard !patches.isEmpty else { throw OperationError("no patch with a position is stored of the slide \(slide)") }
        var given: [Given] = []
        var (untouched, partly) = (0, 0)
        for patch in patches {
            switch regions.verdict(on: patch) {
            case .label(let label): given.append((patch.job, label))
            case .untouched: untouched += 1
            case .partly: partly += 1
            }
        }
        let unknown = regions.unknownTiles(besides: Set(patches.map(\.job)))
        return try plan(
            given, reader: reader, unknown: unknown.map { "tile \($0.uuidString.lowercased())" }.sorted(),
            untouched: untouched, partly: partly)
    }

    /// The jobs at each of the places. Where a place was evaluated more than once, all of them show the same tissue.
    private func jobs(at patches: [LabelTable.Patch]) throws -> [LabelTable.Patch: [UUID]] {
        var (slides, xs, ys): ([String], [Int64], [Int64]) = ([], [], [])
        for case .place(let slide, let x, let y) in patches {
            slides.append(slide)
            xs.append(x)
            ys.append(y)
        }
        guard !slides.isEmpty else { return [:] }
        let rows = try connection.query(
            """
            select prediction.slide_id, prediction.x, prediction.y, array_agg(job_id) as jobs,
                count(distinct coalesce(level, 0)) > 1 as is_mixed
            from unnest($1::text[], $2::bigint[], $3::bigint[]) as given (slide_id, x, y)
            join sentinode.predictions as prediction using (slide_id, x, y)
            group by prediction.slide_id, prediction.x, prediction.y
            """, [.textArray(slides), .int8Array(xs), .int8Array(ys)])
        var jobs: [LabelTable.Patch: [UUID]] = [:]
        for row in rows {
            let (slide, x, y) = (try row.text("slide_id"), try row.int8("x"), try row.int8("y"))
            if try row.bool("is_mixed") {
                throw OperationError(
                    "at x \(x), y \(y) of the slide \(slide) stand patches of several levels: name them by job_id,label"
                )
            }
            jobs[.place(slide: slide, x: x, y: y)] = try row.uuidArray("jobs").compactMap { $0 }
        }
        return jobs
    }

    // MARK: What is stored already

    private func plan(
        _ given: [Given], reader: String, unknown: [String], untouched: Int = 0, partly: Int = 0
    ) throws -> LabelPlan {
        let sites = try self.sites(of: reader)
        let rows = try connection.query(
            LabelImport.standingSQL,
            [.uuidArray(given.map(\.job)), .textArray(given.map(\.label.rawValue)), .text(reader)]
        ).map(LabelPlan.Row.init)
        let foreign = rows.filter { row in !sites.contains("*") && !(row.site.map(sites.contains) ?? false) }
        return LabelPlan(
            reader: reader, rows: rows, unknown: unknown, untouched: untouched, partly: partly,
            foreignSites: Set(foreign.map { $0.site ?? "(none)" }).sorted())
    }

    private func sites(of reader: String) throws -> Set<String> {
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

extension LabelledRegions.Patch {
    fileprivate init(_ row: Database.Row, side given: Int64?) throws {
        job = try row.uuid("job_id")
        x = try row.int8("x")
        y = try row.int8("y")
        let level = try row.optionalInt2("level") ?? 0
        guard given != nil || level <= 16 else {
            throw OperationError("a patch was read at level \(level): say how wide it is with --patch-side")
        }
        side = given ?? 96 << Int64(level)
    }
}
