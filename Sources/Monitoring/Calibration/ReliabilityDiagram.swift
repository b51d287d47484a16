import Foundation

/// Scores against the share of tumours, in bins: the reliability diagram and its calibration errors.
public struct ReliabilityDiagram: Sendable, Equatable {
    public struct Bin: Sendable, Equatable {
        /// Scores above `lower` and up to `upper`; the first bin holds its lower edge too.
        public var lower: Double
        public var upper: Double
        public var patches: Int
        public var weight: Double
        /// Sum of squared weights.
        public var squaredWeight: Double
        public var meanScore: Double
        public var tumourShare: Double

        /// Patches of equal weight that would be worth as much (Kish 1965).
        public var effectivePatches: Double { weight * weight / squaredWeight }
    }

    public enum Binning: Sendable, Equatable {
        /// Edges k / bins.
        case equalWidth
        /// Edges at the scores' quantiles, linear between scores as in NumPy; weights do not move them.
        case equalMass
    }

    /// Bins with patches, by rising score.
    public let bins: [Bin]
    /// Of all bins.
    public let weight: Double
    /// By slide, in the order of their numbers: what its patches add to the sum of |gaps|, and their weight.
    private let slides: [SlideSums]

    /// Nil without patches of positive weight or without bins.
    public init?(_ patches: [LabelledScore], binning: Binning, bins count: Int) {
        let used = patches.usable
        guard count > 0, !used.isEmpty else { return nil }
        let edges = ReliabilityDiagram.edges(used.map(\.score), binning, count)
        var members = [[LabelledScore]](repeating: [], count: count)
        for patch in used { members[edges.dropFirst().dropLast().prefix { $0 < patch.score }.count].append(patch) }
        bins = members.enumerated().filter { !$0.element.isEmpty }.map { index, members in
            Bin(members, lower: edges[index], upper: edges[index + 1])
        }
        weight = bins.reduce(0) { $0 + $1.weight }
        var slides = BySlide(used.lazy.map(\.slide), zero: SlideSums(numerator: 0, denominator: 0))
        for (bin, members) in zip(bins, members.filter { !$0.isEmpty }) {
            let sign = bin.meanScore < bin.tumourShare ? -1.0 : 1
            for patch in members {
                let gap = patch.score - (patch.isTumour ? 1 : 0)
                slides.add(to: patch.slide) {
                    $0.numerator += sign * patch.weight * gap
                    $0.denominator += patch.weight
                }
            }
        }
        self.slides = slides.sums
    }

    /// `expectedCalibrationError` with its interval by slides, as `clusteredRatio` has it: linearised, with the bins and
    /// the side of each bin's gap taken as they are. Where gaps are mostly noise the interval is wider than it need be.
    /// Nil where there are no weights.
    public func clusteredCalibrationError(level: Double = 0.95) -> Estimate<ClusteredEstimate>? {
        clusteredRatio(slides, level: level)
    }

    /// Expected calibration error: weighted mean of |mean score - tumour share|. It is biased upwards: noise in a
    /// bin's share adds to it.
    public var expectedCalibrationError: Double {
        mean { abs($0.meanScore - $0.tumourShare) }
    }

    /// The same less its estimated bias, at least 0 (Kumar, Liang and Ma 2019, appendix B, with the expectation in
    /// closed form): where each bin's gap is normal around the one seen, its absolute value is expected larger by
    /// just what noise adds. Nil where a bin has under two effective patches.
    public var debiasedCalibrationError: Double? {
        guard bins.allSatisfy({ $0.effectivePatches >= 2 - 1e-9 }) else { return nil }
        let noisy = mean { bin in
            let gap = abs(bin.meanScore - bin.tumourShare)
            let sigma = (bin.tumourShare * (1 - bin.tumourShare) / bin.effectivePatches).squareRoot()
            return ReliabilityDiagram.foldedNormalMean(gap, sigma)
        }
        return max(0, 2 * expectedCalibrationError - noisy)
    }

    /// Squared calibration error less its bias, which can be slightly negative: weighted mean of
    /// gap^2 - share (1 - share) / (n - 1) (Bröcker 2012; Kumar, Liang and Ma 2019, definition 4.1). Nil where a bin
    /// has under two effective patches.
    public var debiasedSquaredCalibrationError: Double? {
        guard bins.allSatisfy({ $0.effectivePatches >= 2 - 1e-9 }) else { return nil }
        return mean { bin in
            let gap = bin.meanScore - bin.tumourShare
            return gap * gap - bin.tumourShare * (1 - bin.tumourShare) / (bin.effectivePatches - 1)
        }
    }

    private func mean(_ value: (Bin) -> Double) -> Double { bins.reduce(0) { $0 + $1.weight * value($1) } / weight }

    /// E|X| for X normal with this mean and standard deviation.
    private static func foldedNormalMean(_ mean: Double, _ sigma: Double) -> Double {
        guard sigma > 0 else { return abs(mean) }
        let z = mean / sigma
        return 2 * sigma * NormalDistribution.density(z) + mean * (1 - 2 * NormalDistribution.cdf(-z))
    }

    private static func edges(_ scores: [Double], _ binning: Binning, _ count: Int) -> [Double] {
        let sorted = scores.sorted()
        return (0...count).map { k in
            switch binning {
            case .equalWidth: return Double(k) / Double(count)
            case .equalMass:
                let position = Double(k) / Double(count) * Double(sorted.count - 1)
                let below = min(Int(position), sorted.count - 1)
                let above = min(below + 1, sorted.count - 1)
                return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
            }
        }
    }
}

extension ReliabilityDiagram.Bin {
    fileprivate init(_ members: [LabelledScore], lower: Double, upper: Double) {
        let weight = members.reduce(0) { $0 + $1.weight }
        self.init(
            lower: lower, upper: upper, patches: members.count, weight: weight,
            squaredWeight: members.reduce(0) { $0 + $1.weight * $1.weight },
            meanScore: members.reduce(0) { $0 + $1.weight * $1.score } / weight,
            tumourShare: members.reduce(0) { $0 + ($1.isTumour ? $1.weight : 0) } / weight)
    }
}
