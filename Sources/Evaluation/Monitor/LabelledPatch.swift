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
    /// Shared by all patches of the same, for there are many.
    let provenance: Provenance
    /// Dense number of its slide, from 1; 0 for none.
    let slide: Int
    let isUncertain: Bool
    let pTumor: Double
    /// The operating point in force.
    let threshold: Double
    let isCalledTumor: Bool
    /// nil where it was not selected.
    let stratum: ReviewStratum?
    let selectionProbability: Double
    let answer: Answer
    /// Labelled although the draw did not ask for it: in no corrected figure.
    let isVoluntary: Bool
    /// From its storing to the label that settled it, seconds.
    let delay: Double

    /// Whether the draw asked for its label.
    var isAsked: Bool { !isVoluntary && stratum != nil }
}

/// The version that decided and where the patch comes from.
final class Provenance: Sendable {
    let origin: Origin
    /// Everything that such a patch counts for.
    let subjects: [Subject]

    init(version: String, origin: Origin) {
        self.origin = origin
        subjects = origin.segments.map { Subject(version: version, segment: $0) }
    }
}

/// Labelled predictions in the order of their storing, then of their score and job: sums over them come out the same.
struct LabelledPatches {
    private(set) var patches: [LabelledPatch] = []

    /// Those stored in a time, with their labels as the session's as-of time shows them.
    init(from: Timestamp, to: Timestamp, _ connection: DatabaseConnection) throws {
        var reader = LabellableRow()
        var labellable: [LabellablePatch] = []
        try connection.copyOut(LabelledPatches.labellable(from, to)) { labellable.append(try reader.read(&$0)) }
        for start in stride(from: 0, to: labellable.count, by: LabelledPatches.page) {
            let page = labellable[start..<min(labellable.count, start + LabelledPatches.page)]
            let answers = try FinalAnswer.answers(to: page.map(\.job), connection)
            patches += page.compactMap { patch in answers[patch.job].map(patch.answered) }
        }
    }

    /// Those stored in a part of the time, by subject.
    func subjects(from: Timestamp, to: Timestamp) -> [Subject: [LabelledPatch]] {
        LabelledPatches.bySubject(patches[place(from)..<place(to)])
    }

    static func bySubject(_ patches: some Sequence<LabelledPatch>) -> [Subject: [LabelledPatch]] {
        var lists: [[LabelledPatch]] = []
        var places: [Subject: Int] = [:]
        var known: [ObjectIdentifier: [Int]] = [:]
        for patch in patches {
            let own: [Int]
            if let found = known[ObjectIdentifier(patch.provenance)] {
                own = found
            } else {
                own = patch.provenance.subjects.map { subject in
                    if let place = places[subject] { return place }
                    places[subject] = lists.count
                    lists.append([])
                    return lists.count - 1
                }
                known[ObjectIdentifier(patch.provenance)] = own
            }
            for place in own { lists[place].append(patch) }
        }
        return places.mapValues { lists[$0] }
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

    /// Predictions of a time that can have a label: those that were selected, and those labelled although they were not.
    private static func labellable(_ from: Timestamp, _ to: Timestamp) -> SQL {
        let columns: SQL = """
            select job_id, coalesce(stored_at, predicted_at), model_version, slide_id, site, scanner, stain,
                decision = 'uncertain', p_tumor, threshold, p_tumor >= threshold, review_reason, selection_probability
            from sentinode.predictions where
            """
        return columns + " review_reason is not null and " + storedBetween(from, to) + " union all " + columns
            + " review_reason is null and " + storedBetween(from, to)
            + " and job_id in (select job_id from review.labels where reading = 'voluntary' and labelled_at >= "
            + time(from) + ") order by 2, 9, 1"
    }
}

/// What people say of a job in the end.
private struct FinalAnswer {
    let answer: LabelledPatch.Answer
    let isVoluntary: Bool
    let settledAt: Timestamp

    static func answers(to jobs: [UUID], _ connection: DatabaseConnection) throws -> [UUID: FinalAnswer] {
        let rows = try connection.query(
            """
            select job_id, label, how = 'voluntary' as is_voluntary, last_at from review.final_labels
            where job_id = any($1::uuid[]) and label is not null
            """, [.uuidArray(jobs)])
        var answers: [UUID: FinalAnswer] = [:]
        for row in rows { answers[try row.uuid("job_id")] = try FinalAnswer(row) }
        return answers
    }

    private init(_ row: Row) throws {
        switch try row.text("label") {
        case "tumor": answer = .tumor
        case "normal": answer = .normal
        case "unassessable": answer = .unassessable
        case let other:
            throw OperationError("review.final_labels has the label \(other), which the monitor does not know")
        }
        isVoluntary = try row.bool("is_voluntary")
        settledAt = try row.timestamp("last_at")
    }
}

/// A prediction that can have a label, and what it is once it has one.
private struct LabellablePatch {
    let job: UUID
    let answered: (FinalAnswer) -> LabelledPatch
}

/// Reads labellable patches, and keeps what repeats from row to row.
private struct LabellableRow {
    private struct Key: Hashable {
        let version: String
        let origin: Origin
    }

    private var slides: [String: Int] = [:]
    private var provenances: [Key: Provenance] = [:]

    mutating func read(_ row: inout CopiedRow) throws -> LabellablePatch {
        guard let job = try row.uuid(), let storedAt = try row.timestamp(), let version = try row.text() else {
            throw LabellableRow.incomplete
        }
        let slide = try row.text().map { number($0) } ?? 0
        let origin = Origin(
            site: try row.text() ?? "", scanner: try row.text() ?? "", stain: try row.text() ?? "")
        guard let isUncertain = try row.bool(), let pTumor = try row.float4(), let threshold = try row.float4(),
            let isCalledTumor = try row.bool()
        else { throw LabellableRow.incomplete }
        let stratum = ReviewStratum(reason: try row.text(), isCalledTumor: isCalledTumor)
        guard let selectionProbability = try row.float8() else { throw LabellableRow.incomplete }
        let provenance = provenance(Key(version: version, origin: origin))
        return LabellablePatch(job: job) { final in
            LabelledPatch(
                job: job, storedAt: storedAt, provenance: provenance, slide: slide, isUncertain: isUncertain,
                pTumor: Double(pTumor), threshold: Double(threshold), isCalledTumor: isCalledTumor, stratum: stratum,
                selectionProbability: selectionProbability, answer: final.answer, isVoluntary: final.isVoluntary,
                delay: Double(final.settledAt.microseconds - storedAt.microseconds) / 1_000_000)
        }
    }

    private static let incomplete = OperationError("a prediction is stored without what every one has")

    private mutating func provenance(_ key: Key) -> Provenance {
        if let known = provenances[key] { return known }
        let new = Provenance(version: key.version, origin: key.origin)
        provenances[key] = new
        return new
    }

    private mutating func number(_ slide: String) -> Int {
        if let known = slides[slide] { return known }
        slides[slide] = slides.count + 1
        return slides.count
    }
}
