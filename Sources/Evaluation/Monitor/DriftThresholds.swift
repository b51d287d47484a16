import Foundation
import Monitoring

/// Limits of the drift figures of a segment for windows of so many slides, from resampling whole slides of the
/// reference; each is made once a process.
final class DriftThresholds {
    enum Outcome {
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
    private var known: [Key: Outcome] = [:]

    /// - Parameter budget: of one segment's family of figures.
    init(budget: FalseAlarmBudget, fewestResamples: Int = 2000) {
        self.budget = budget
        self.fewestResamples = fewestResamples
    }

    /// - Parameter slides: that the window has patches of.
    func limits(_ reference: ReferenceProfile, _ segment: Segment, slides: Int) -> Outcome {
        let key = Key(reference: reference.id, segment: segment, slides: DriftThresholds.rounded(slides))
        if let outcome = known[key] { return outcome }
        let outcome = make(SlideCounts(reference.patches(of: segment)), key)
        known[key] = outcome
        return outcome
    }

    private func make(_ counts: SlideCounts, _ key: Key) -> Outcome {
        let rate = budget.ratePerWindow ?? 1
        let result = resampledThresholds(
            for: DriftFigures.family, budget: budget, referenceSlides: counts.slides, windowSlides: key.slides,
            // Each figure has its own most extreme resample, and the budget must allow for more than all of those.
            resamples: max(fewestResamples, Int((Double(DriftFigures.family.count + 10) / rate).rounded(.up))), seed: 1
        ) { window, reference in
            counts.sample(of: window).figures(comparedWith: counts.sample(of: reference))
        }
        switch result {
        case .thresholds(let family): return .limits(family.limits)
        case .notEnoughSlides(let have, let need):
            let whose = counts.slides < key.slides ? "the reference has" : "the window has"
            return .unknown("\(whose) \(have) slides, and limits need \(need)")
        case .notEnoughResamples, .noBudget:
            return .unknown("the false-alarm budget is too small to be kept")
        }
    }

    /// Down to a few numbers a doubling, so that limits are made for few of them: fewer slides give wider limits.
    private static func rounded(_ slides: Int) -> Int {
        guard slides > fewestSlides else { return slides }
        var scale = 1
        while slides / scale >= 16 { scale *= 2 }
        return slides / scale * scale
    }
}

/// Histogram counts of every slide of a reference in one table, so that thousands of resamples are quick to add up.
private struct SlideCounts {
    let slides: Int
    /// Row by row: the counts of all histograms, then called tumor, then patches.
    private let table: [Int32]
    private let width: Int

    init(_ patches: [ReferencePatch]) {
        let bySlide = Dictionary(grouping: patches.filter { $0.slide > 0 }, by: \.slide)
        let rows = bySlide.sorted { $0.key < $1.key }.map { DriftSample($0.value).flat }
        slides = rows.count
        width = DriftSample.empty.flat.count
        table = rows.flatMap { $0 }
    }

    func sample(of slides: [Int]) -> DriftSample {
        var sums = [Int32](repeating: 0, count: width)
        sums.withUnsafeMutableBufferPointer { sums in
            table.withUnsafeBufferPointer { table in
                for slide in slides {
                    let start = slide * width
                    for column in 0..<width { sums[column] &+= table[start + column] }
                }
            }
        }
        return DriftSample(flat: sums)
    }
}

extension DriftSample {
    fileprivate var flat: [Int32] {
        histograms.flatMap { $0.allCounts.map(Int32.init) } + [Int32(calledTumor), Int32(patches)]
    }

    fileprivate init(flat: [Int32]) {
        var start = 0
        let histograms = MonitoredStatistic.allCases.map { statistic in
            let counts = flat[start..<start + statistic.edges.count + 1].map { Int($0) }
            start += counts.count
            return FixedHistogram(edges: statistic.edges, allCounts: counts)
        }
        self.init(histograms: histograms, calledTumor: Double(flat[start]), patches: Double(flat[start + 1]))
    }
}
