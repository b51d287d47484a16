import AuditTrail
public import Database
import Foundation
import PatchClassifier

/// Asks a version about jobs of before, as the login of its database connection: its opinions are kept beside the
/// decisions, and change none.
public final class Reevaluation {
    /// Which jobs.
    public struct Choice: Sendable {
        public var slides: [String]
        /// Stored from then on; nil for all.
        public var since: Timestamp?

        public init(slides: [String] = [], since: Timestamp? = nil) { (self.slides, self.since) = (slides, since) }
    }

    /// What became of the jobs that were chosen.
    public struct Count: Sendable, Equatable {
        public internal(set) var asked = 0
        /// It had been asked about them before, or it decided them.
        public internal(set) var known = 0
        public internal(set) var withoutImage = 0
        /// Of another size than the version takes, or unreadable.
        public internal(set) var unfit = 0
    }

    private let ledger: Ledger
    private let version: LoadedVersion
    private let classifier: Classifier
    private static let page = 256

    public init(_ settings: DatabaseSettings, version name: String) throws {
        let registry = try ModelRegistry(settings)
        ledger = registry.ledger
        version = try registry.loaded(name)
        classifier = version.classifier()
    }

    /// Page by page, each stored and audited before the next; ends early where `shouldGoOn` says so.
    public func run(_ choice: Choice, shouldGoOn: () -> Bool, onProgress: (Count) -> Void) throws -> Count {
        var count = try left(choice)
        var last: UUID?
        while shouldGoOn() {
            let rows = try ledger.connection.query(
                Reevaluation.pageSQL,
                [
                    .text(version.name), .textArray(choice.slides), .timestamp(choice.since),
                    .uuid(last ?? UUID.lowest),
                    .int8(Int64(Reevaluation.page)),
                ])
            let jobs = try rows.map(KeptJob.init)
            guard !jobs.isEmpty else { break }
            last = jobs.last?.id
            let side = version.network.architecture.side
            let fit = jobs.compactMap { job in job.patch(side: side).map { (job, $0) } }
            count.unfit += jobs.count - fit.count
            if !fit.isEmpty { count.asked += try record(fit) }
            onProgress(count)
        }
        return count
    }

    /// Another reevaluation may answer the same jobs at this moment: then it looks again.
    private func record(_ jobs: [(KeptJob, Patch)]) throws -> Int {
        let answers = try classifier.classify(jobs.map(\.1))
        while true {
            do {
                return try record(jobs.map(\.0), answers)
            } catch is KeyExists {
                continue
            }
        }
    }

    private func record(_ jobs: [KeptJob], _ answers: [LogProbabilities]) throws -> Int {
        try ledger.transact(.none) { entry in
            let known = Set(
                try entry.connection.query(
                    "select job_id from sentinode.shadow_predictions where model_version = $1 and job_id = any($2::uuid[])",
                    [.text(self.version.name), .uuidArray(jobs.map(\.id))]
                ).map { try $0.uuid("job_id") })
            let rows = zip(jobs, answers).filter { !known.contains($0.0.id) }.map { job, answer in
                ShadowPrediction(
                    job: job.id, modelVersion: self.version.name, rule: self.version.rule, probabilities: answer,
                    isOutOfScope: self.version.scope.excludes(job.metadata), predictedAt: entry.at,
                    engine: self.classifier.engine.name)
            }
            guard !rows.isEmpty else { return (0, nil) }
            _ = try entry.insert(rows)
            return (
                rows.count,
                AuditEvent(
                    action: "model.reevaluated", subject: self.version.name,
                    detail: .object([(ShadowPrediction.table.name, .integer(Int64(rows.count)))]))
            )
        }.value
    }

    /// Those of the choice that there is nothing to ask about.
    private func left(_ choice: Choice) throws -> Count {
        let row = try ledger.connection.query(
            Reevaluation.countSQL,
            [.text(version.name), .textArray(choice.slides), .timestamp(choice.since)]
        ).onlyRow()
        var count = Count()
        count.known = Int(try row.int8("known"))
        count.withoutImage = Int(try row.int8("without_image"))
        return count
    }

    private static let chosen: SQL = """
         from sentinode.predictions as prediction
            left join sentinode.patch_images as image using (image_sha256)
            left join sentinode.shadow_predictions as opinion
                on opinion.job_id = prediction.job_id and opinion.model_version = $1
        where (cardinality($2::text[]) = 0 or slide_id = any($2))
            and ($3::timestamptz is null or coalesce(prediction.stored_at, prediction.predicted_at) >= $3)
        """
    private static let countSQL: SQL =
        """
        select count(*) filter (where opinion.job_id is not null or prediction.model_version = $1) as known,
            count(*) filter (where opinion.job_id is null and prediction.model_version <> $1 and image.png is null)
                as without_image
        """ + chosen
    private static let pageSQL: SQL =
        "select prediction.job_id, prediction.mpp, prediction.stain, image.png " + chosen + """
             and opinion.job_id is null and prediction.model_version <> $1 and image.png is not null
                and prediction.job_id > $4 order by prediction.job_id limit $5
            """
}

/// A job whose patch is kept.
private struct KeptJob {
    let id: UUID
    let png: [UInt8]
    let metadata: PatchMetadata

    init(_ row: Row) throws {
        (id, png) = (try row.uuid("job_id"), try row.bytes("png"))
        var metadata = PatchMetadata()
        (metadata.mpp, metadata.stain) = (try row.optionalFloat8("mpp"), try row.optionalText("stain"))
        self.metadata = metadata
    }

    /// nil where the picture is none that the version takes.
    func patch(side: Int) -> Patch? {
        do {
            return try Patch(png: png, width: side, height: side)
        } catch {
            return nil
        }
    }
}
