import Database
import Foundation
import Monitoring

/// How far the network's own view of patches, the activations before its last layer, is from the acceptance reference: of
/// each site by its random sample of a day. Patches that name no site are compared with the reference's that name none, and
/// shown as overall.
final class EmbeddingDrift {
    static let metric = "embedding"
    static let method = "maximum mean discrepancy"

    /// Fewer vectors say nothing of a day.
    private static let fewestPatches = 20

    private struct Limit {
        let value: Double?
        /// Why there is none.
        let trouble: String?
    }

    private struct LimitKey: Hashable {
        let reference: UUID
        let subject: Subject
        let slides: Int
    }

    private let connection: DatabaseConnection
    private let budget: FalseAlarmBudget
    private var references: [Subject: (id: UUID, discrepancy: ReferenceDiscrepancy?)] = [:]
    private var limits: [LimitKey: Limit] = [:]

    /// - Parameter budget: of one subject's figure.
    init(budget: FalseAlarmBudget, _ connection: DatabaseConnection) {
        self.budget = budget
        self.connection = connection
    }

    /// Samples of a window, of each version and site.
    func samples(of window: MonitorWindow) throws -> [Subject: [SampledPatch]] {
        let query =
            """
            select model_version, site, slide_id, embedding from (
                select model_version, site, slide_id, embedding, row_number() over (
                    partition by model_version, site order by sha256(uuid_send(job_id))) as place
                from sentinode.predictions where embedding is not null and
            """ + " " + storedBetween(window.start, window.end)
            + ") as sampled where place <= " + SQL.literal(Int64(EmbeddingSample.size))
            + " order by model_version, site, place"
        var samples: [Subject: [SampledPatch]] = [:]
        try connection.copyOut(query) { row in
            let version = try row.text() ?? ""
            let (site, slide) = (try row.text(), try row.text())
            guard let embedding = try row.next().flatMap({ EmbeddingSample.unpacked($0) }) else { return }
            let segment = site.map { Segment(kind: .site, name: $0) } ?? .overall
            samples[Subject(version: version, segment: segment), default: []].append(
                SampledPatch(slide: slide, embedding: embedding))
        }
        return samples
    }

    func measurement(_ subject: Subject, _ sample: [SampledPatch], _ reference: ReferenceProfile) -> Measurement {
        let slides = Set(sample.compactMap(\.slide)).count
        var figure = Measurement(
            subject: subject, metric: EmbeddingDrift.metric, method: EmbeddingDrift.method,
            patches: Int64(sample.count), slides: slides, reference: reference.id, state: .notEnoughData)
        guard let discrepancy = discrepancy(subject, reference) else {
            figure.note = "the acceptance reference has no embeddings of \(subject.segment.text) that differ"
            return figure
        }
        guard sample.count >= EmbeddingDrift.fewestPatches else {
            figure.note = "\(sample.count) embeddings, and the figure needs \(EmbeddingDrift.fewestPatches)"
            return figure
        }
        guard case .value(let value) = discrepancy.squared(sample.map(\.embedding)) else {
            figure.note = "embeddings of another size than the reference's"
            return figure
        }
        figure.value = value
        let limit = limit(subject, reference.id, discrepancy, slides: slides)
        figure.threshold = limit.value
        figure.note = limit.trouble
        figure.state = limit.value.map { value > $0 ? .alarm : .ok } ?? .notEnoughSlides
        return figure
    }

    private func discrepancy(_ subject: Subject, _ reference: ReferenceProfile) -> ReferenceDiscrepancy? {
        if let known = references[subject], known.id == reference.id { return known.discrepancy }
        let site = subject.segment.name
        let compared = reference.patches.filter { $0.origin.site == site && $0.slide > 0 && $0.embedding != nil }
        let bySlide = Dictionary(grouping: compared, by: \.slide)
        let made = ReferenceDiscrepancy(bySlide.sorted { $0.key < $1.key }.map { $0.value.compactMap(\.embedding) })
        references[subject] = (reference.id, made)
        return made
    }

    private func limit(_ subject: Subject, _ reference: UUID, _ discrepancy: ReferenceDiscrepancy, slides: Int) -> Limit
    {
        let key = LimitKey(reference: reference, subject: subject, slides: DriftThresholds.rounded(slides))
        if let known = limits[key] { return known }
        let made = makeLimit(discrepancy, slides: key.slides)
        limits[key] = made
        return made
    }

    private func makeLimit(_ discrepancy: ReferenceDiscrepancy, slides: Int) -> Limit {
        let result = resampledThresholds(
            for: [MonitoredFigure(EmbeddingDrift.metric, side: .high)], budget: budget,
            referenceSlides: discrepancy.slides, windowSlides: slides,
            resamples: DriftThresholds.resamples(figures: 1, budget), reference: discrepancy.draw
        ) { window, reference in
            [discrepancy.squared(discrepancy.draw(window), to: reference)]
        }
        guard case .thresholds(let family) = result else {
            return Limit(value: nil, trouble: result.trouble(ofReference: discrepancy.slides < slides))
        }
        return Limit(value: family.limits.first?.upper, trouble: nil)
    }
}

/// A patch of a day's sample.
struct SampledPatch {
    let slide: String?
    let embedding: [Float]
}
