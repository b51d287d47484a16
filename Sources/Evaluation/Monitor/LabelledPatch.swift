import Database
import Foundation

/// A prediction that people have labelled, with what its figures need.
struct LabelledPatch: Sendable {
    let job: UUID
    /// What people say of it, as of the run.
    enum Answer: Sendable {
        case tumor, normal, unassessable
    }

    let storedAt: Timestamp
    let version: String
    /// Dense number of its slide, from 1; 0 for none.
    let slide: Int
    let origin: Origin
    let isUncertain: Bool
    let pTumor: Double
    /// The operating point in force.
    let threshold: Double
    let isCalledTumor: Bool
    let selectionProbability: Double
    /// nil where it was not selected.
    let stratum: ReviewStratum?
    let answer: Answer
    /// Labelled although the draw did not ask for it: in no corrected figure.
    let isVoluntary: Bool
    /// From its storing to the label that settled it, seconds.
    let delay: Double
}

/// Labelled predictions in the order of their storing.
struct LabelledPatches {
    private(set) var patches: [LabelledPatch] = []

    /// Those stored in a time, with their labels as the session's as-of time shows them.
    init(from: Timestamp, to: Timestamp, _ connection: DatabaseConnection) throws {
        let jobs = try LabelledPatches.jobs(from, to, connection)
        var slides: [String: Int] = [:]
        for start in stride(from: 0, to: jobs.count, by: LabelledPatches.page) {
            let page = Array(jobs[start..<min(jobs.count, start + LabelledPatches.page)])
            for row in try connection.query(LabelledPatches.selectSQL, [.uuidArray(page)]) {
                let patch = try LabelledPatch(row) { slide in
                    if let known = slides[slide] { return known }
                    slides[slide] = slides.count + 1
                    return slides.count
                }
                if let patch { patches.append(patch) }
            }
        }
        patches.sort { ($0.storedAt, $0.pTumor) < ($1.storedAt, $1.pTumor) }
    }

    /// Those of a window, by subject.
    func subjects(in window: MonitorWindow) -> [Subject: [LabelledPatch]] {
        LabelledPatches.bySubject(patches[range(of: window)])
    }

    static func bySubject(_ patches: some Sequence<LabelledPatch>) -> [Subject: [LabelledPatch]] {
        var subjects: [Subject: [LabelledPatch]] = [:]
        for patch in patches {
            for segment in patch.origin.segments {
                subjects[Subject(version: patch.version, segment: segment), default: []].append(patch)
            }
        }
        return subjects
    }

    private func range(of window: MonitorWindow) -> Range<Int> {
        place(window.start)..<place(window.end)
    }

    /// Where the first at or after a time stands.
    private func place(_ time: Timestamp) -> Int {
        var (low, high) = (0, patches.count)
        while low < high {
            let middle = (low + high) / 2
            if patches[middle].storedAt < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Jobs asked for at once.
    private static let page = 10_000

    private static func jobs(_ from: Timestamp, _ to: Timestamp, _ connection: DatabaseConnection) throws -> [UUID] {
        var jobs: [UUID] = []
        let query =
            "select distinct label.job_id from review.labels as label join sentinode.predictions as prediction "
            + "using (job_id) where label.labelled_at >= " + time(from) + " and " + storedBetween(from, to)
            + " order by 1"
        try connection.copyOut(query) { row in
            if let job = try row.next().flatMap({ uuid($0) }) { jobs.append(job) }
        }
        return jobs
    }

    private static let selectSQL: SQL = """
        select prediction.job_id, coalesce(prediction.stored_at, prediction.predicted_at) as stored, prediction.model_version,
            prediction.slide_id, prediction.site, prediction.scanner, prediction.stain, prediction.decision,
            prediction.p_tumor, prediction.threshold, prediction.p_tumor >= prediction.threshold as is_called, prediction.review_reason,
            prediction.selection_probability, final.label, final.how,
            extract(epoch from final.last_at - coalesce(prediction.stored_at, prediction.predicted_at))::double precision
                as delay
        from review.final_labels as final join sentinode.predictions as prediction using (job_id)
        where final.job_id = any($1::uuid[]) and prediction.job_id = any($1::uuid[]) and final.label is not null
        order by prediction.job_id
        """
}

extension LabelledPatch {
    /// nil where the answer is none of those that count.
    fileprivate init?(_ row: Row, slide number: (String) -> Int) throws {
        switch try row.text("label") {
        case "tumor": answer = .tumor
        case "normal": answer = .normal
        case "unassessable": answer = .unassessable
        case let other:
            throw OperationError("review.final_labels has the label \(other), which the monitor does not know")
        }
        job = try row.uuid("job_id")
        storedAt = try row.timestamp("stored")
        version = try row.text("model_version")
        slide = try row.optionalText("slide_id").map(number) ?? 0
        origin = Origin(
            site: try row.optionalText("site") ?? "", scanner: try row.optionalText("scanner") ?? "",
            stain: try row.optionalText("stain") ?? "")
        isUncertain = try row.text("decision") == "uncertain"
        pTumor = Double(try row.float4("p_tumor"))
        threshold = Double(try row.float4("threshold"))
        isCalledTumor = try row.bool("is_called")
        selectionProbability = try row.float8("selection_probability")
        stratum = ReviewStratum(reason: try row.optionalText("review_reason"), isCalledTumor: isCalledTumor)
        isVoluntary = try row.text("how") == "voluntary"
        delay = try row.float8("delay")
    }
}
