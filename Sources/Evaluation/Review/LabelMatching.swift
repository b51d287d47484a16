import Database
import Foundation

/// Which stored jobs a file speaks of, and what it says of each.
struct LabelMatching {
    var labels: [UUID: Label] = [:]
    /// What no stored prediction belongs to, in words.
    var unknown: [String] = []
    /// Patches of the slide in whose centre no region lies, and those that normal regions cover only in part.
    var untouched = 0
    var partly = 0
    /// Features of the file that are no areas.
    var marks: [QuPathMark: Int] = [:]
}

extension LabelMatching {
    init(_ table: LabelTable, _ connection: DatabaseConnection) throws {
        let jobs = try LabelMatching.jobs(of: table.rows.map(\.patch), connection)
        var lines: [UUID: Int] = [:]
        for row in table.rows {
            guard let jobs = jobs[row.patch] else {
                unknown.append("line \(row.line)")
                continue
            }
            for job in jobs {
                if let before = labels[job], before != row.label {
                    throw OperationError(
                        "line \(row.line), column label: line \(lines[job] ?? 0) says otherwise of the same job")
                }
                (labels[job], lines[job]) = (row.label, row.line)
            }
        }
    }

    /// `patchSide` is in full-resolution pixels; nil for 96 times 2 to the power of a patch's level.
    init(_ regions: LabelledRegions, slide: String, patchSide: Int64?, _ connection: DatabaseConnection) throws {
        let rows = try connection.query(
            "select job_id, x, y, level from sentinode.predictions where slide_id = $1 and x is not null and y is not null",
            [.text(slide)])
        let patches = try rows.map { try LabelledRegions.Patch($0, side: patchSide) }
        guard !patches.isEmpty else { throw OperationError("no patch with a position is stored of the slide \(slide)") }
        for patch in patches {
            switch regions.verdict(on: patch) {
            case .label(let label): labels[patch.job] = label
            case .untouched: untouched += 1
            case .partly: partly += 1
            }
        }
        marks = regions.marks
        let strange = regions.unknownTiles(besides: Set(patches.map(\.job)))
        unknown = strange.map { "tile \($0.text)" }.sorted()
    }

    /// The jobs of each patch that is stored. Where a place was evaluated more than once, all of them show the same tissue.
    private static func jobs(of patches: [LabelTable.Patch], _ connection: DatabaseConnection) throws
        -> [LabelTable.Patch: [UUID]]
    {
        var (named, slides, xs, ys): ([UUID], [String], [Int64], [Int64]) = ([], [], [], [])
        for patch in patches {
            switch patch {
            case .job(let job): named.append(job)
            case .place(let slide, let x, let y):
                slides.append(slide)
                xs.append(x)
                ys.append(y)
            }
        }
        let answers = try connection.pipeline([
            ("select job_id from sentinode.predictions where job_id = any($1)", [.uuidArray(named)]),
            (placesSQL, [.textArray(slides), .int8Array(xs), .int8Array(ys)]),
        ])
        var jobs: [LabelTable.Patch: [UUID]] = [:]
        for row in answers[0] { jobs[.job(try row.uuid("job_id"))] = [try row.uuid("job_id")] }
        for row in answers[1] {
            let (slide, x, y) = (try row.text("slide_id"), try row.int8("x"), try row.int8("y"))
            guard try !row.bool("is_mixed") else {
                throw OperationError(
                    "at x \(x), y \(y) of the slide \(slide) stand patches of several levels: name them by job_id,label"
                )
            }
            jobs[.place(slide: slide, x: x, y: y)] = try row.uuidArray("jobs").compactMap { $0 }
        }
        return jobs
    }

    private static let placesSQL: SQL = """
        select prediction.slide_id, prediction.x, prediction.y, array_agg(job_id) as jobs,
            count(distinct coalesce(level, 0)) > 1 as is_mixed
        from unnest($1::text[], $2::bigint[], $3::bigint[]) as given (slide_id, x, y)
        join sentinode.predictions as prediction using (slide_id, x, y)
        group by prediction.slide_id, prediction.x, prediction.y
        """
}

extension LabelledRegions.Patch {
    fileprivate init(_ row: Row, side given: Int64?) throws {
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
