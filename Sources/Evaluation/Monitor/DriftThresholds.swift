import Foundation
import Monitoring
import Synchronization

/// Limits of the drift figures of a segment for windows of so many slides, from resampling whole slides of the
/// reference; each is made once a process.
final class DriftThresholds: Sendable {
    enum Outcome: Sendable {
        case limits([AlarmLimits])
        /// Why there are none, in a sentence.
        case unknown(String)
    }

    private struct Key: Hashable {
        let reference: UUID
        let segment: Segment
        let slides: Int
    }

    private let budget: FalseAlarmBudget
    private let fewestResamples: Int
    private let known = Mutex([Key: Outcome]())

    /// - Parameter budget: of one segment's family of figures.
    init(budget: FalseAlarmBudget, fewestResamples: Int = 2000) {
        self.budget = budget
        self.fewestResamples = fewestResamples
    }

    /// - Parameter slides: that the window has patches of.
    func limits(_ reference: ReferenceProfile, _ segment: Segment, slides: Int) -> Outcome {
        let key = Key(reference: reference.id, segment: segment, slides: DriftThresholds.rounded(slides))
        if let outcome = known.withLock({ $0[key] }) { return outcome }
        // Not under the lock, for it takes seconds; no two ask for one segment at a time.
        let outcome = make(SlideCounts(reference.patches(of: segment)), key)
        known.withLock { $0[key] = outcome }
        return outcome
    }

    private func make(_ counts: SlideCounts, _ key: Key) -> Outcome {
        let result = resampledThresholds(
            for: DriftFigures.family, budget: budget, referenceSlides: counts.slides, windowSlides: key.slides,
            resamples: DriftThresholds.resamples(
                figures: DriftFigures.family.count, budget, fewest: fewestResamples),
            reference: { slides in counts.withSum(of: slides) { DriftStandard(flat: $0) } }
        ) { window, reference in
            counts.withSum(of: window) { reference.figures(of: $0) }
        }
        guard case .thresholds(let family) = result else {
            return .unknown(result.trouble(ofReference: counts.slides < key.slides))
        }
        return .limits(family.limits)
    }

    /// Each figure has its own most extreme resample, and the budget must allow for more than all of those.
    static func resamples(figures: Int, _ budget: FalseAlarmBudget, fewest: Int = 2000) -> Int {
        max(fewest, Int((Double(figures + 10) / (budget.ratePerWindow ?? 1)).rounded(.up)))
    }

    /// Down to a few numbers a doubling, so that limits are made for few of them: fewer slides give wider limits.
    static func rounded(_ slides: Int) -> Int {
        guard slides > fewestSlides else { return slides }
        var scale = 1
        while slides / scale >= 16 { scale *= 2 }
        return slides / scale * scale
    }
}

/// Limits by how many parts share the budget: a monitor makes them once, however many runs it does.
final class ThresholdShelf {
    private let configuration: MonitorConfiguration
    private var known: [Double: DriftThresholds] = [:]

    init(_ configuration: MonitorConfiguration) {
        self.configuration = configuration
    }

    func thresholds(parts: Double) -> DriftThresholds {
        if let made = known[parts] { return made }
        let made = DriftThresholds(budget: configuration.driftBudget(parts: parts))
        known[parts] = made
        return made
    }
}

extension ThresholdResult {
    /// Why there are no limits, in a sentence.
    ///
    /// - Parameter ofReference: whether the reference has fewer slides than the window.
    func trouble(ofReference: Bool) -> String {
        switch self {
        case .thresholds: "there are limits"
        case .notEnoughSlides(let have, let need):
            "the \(ofReference ? "reference" : "window") has \(have) slides, and limits need \(need)"
        case .notEnoughResamples, .noBudget: "the false-alarm budget is too small to be kept"
        }
    }
}

/// Histogram counts of every slide of a reference in one table, so that thousands of resamples are quick to add up.
private struct SlideCounts {
    let slides: Int
    /// Row by row, as `DriftSample.flat`.
    private let table: [Int32]
    private let width: Int

    init(_ patches: [ReferencePatch]) {
        let bySlide = Dictionary(grouping: patches.filter { $0.slide > 0 }, by: \.slide)
        let rows = bySlide.sorted { $0.key < $1.key }.map { DriftSample($0.value).flat }
        slides = rows.count
        width = DriftSample.empty.flat.count
        table = rows.flatMap { $0 }
    }

    /// Runs `body` with the sum of some slides' rows.
    func withSum<Result>(of slides: [Int], _ body: (UnsafeBufferPointer<Int32>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: width) { sums in
            sums.initialize(repeating: 0)
            table.withUnsafeBufferPointer { table in
                for slide in slides {
                    let start = slide * width
                    for column in 0..<width { sums[column] &+= table[start + column] }
                }
            }
            return body(UnsafeBufferPointer(sums))
        }
    }
}
