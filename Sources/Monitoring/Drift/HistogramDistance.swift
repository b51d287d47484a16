import Foundation

/// Added to every bin's count before the population stability index takes its share, so that an empty bin gives a
/// finite term (Jeffreys' prior).
public let stabilityIndexSmoothing = 0.5

/// Distances of two histograms, which must have the same edges. `have` and `need` count values of the emptier histogram.
extension FixedHistogram {
    /// Population stability index, sum of (p - q) ln(p / q) over under- and overflow and all bins, each share
    /// smoothed: (count + 0.5) / (total + 0.5 bins).
    public func populationStabilityIndex(to other: FixedHistogram) -> Estimate<Double> {
        compare(other).map(\.populationStabilityIndex)
    }

    /// Largest difference of the cumulated shares at the edges: at most the samples' own Kolmogorov-Smirnov distance.
    public func kolmogorovSmirnov(to other: FixedHistogram) -> Estimate<Double> {
        compare(other).map(\.kolmogorovSmirnov)
    }

    /// First Wasserstein distance in the values' unit, with each bin's values at its centre and under- and overflow at
    /// the outer edges.
    public func wasserstein(to other: FixedHistogram) -> Estimate<Double> { compare(other).map(\.wasserstein) }

    private func compare(_ other: FixedHistogram) -> Estimate<HistogramDistances> {
        precondition(edges == other.edges, "histograms of the same edges")
        let distances = allCounts.withUnsafeBufferPointer {
            HistogramStandard(other.allCounts, edges: edges).distances(to: $0)
        }
        return distances.map { .value($0) } ?? .notEnoughData(have: min(total, other.total), need: 1)
    }
}

/// What `FixedHistogram` says of two histograms.
public struct HistogramDistances: Sendable, Equatable {
    public var populationStabilityIndex: Double
    public var kolmogorovSmirnov: Double
    public var wasserstein: Double
}

/// A histogram that many others are compared with.
public struct HistogramStandard: Sendable {
    /// Counts: underflow, bins, overflow.
    public var size: Int { smoothed.count }
    private let smoothed: [Double]
    private let cumulated: [Double]
    /// From the place of a bin's values to that of the next one's.
    private let steps: [Double]
    private let isEmpty: Bool

    /// - Parameters:
    ///   - counts: as `FixedHistogram.allCounts`.
    ///   - edges: of the bins.
    public init(_ counts: [Int], edges: [Double]) {
        precondition(counts.count == edges.count + 1, "a count for every bin")
        let total = counts.reduce(0, +)
        isEmpty = total == 0
        let mass = Double(total) + stabilityIndexSmoothing * Double(counts.count)
        smoothed = counts.map { (Double($0) + stabilityIndexSmoothing) / mass }
        var sum = 0
        cumulated = counts.map {
            sum += $0
            return Double(sum) / Double(total)
        }
        let centres = zip(edges, edges.dropFirst()).map { ($0 + $1) / 2 }
        let places = [edges[0]] + centres + [edges[edges.count - 1]]
        steps = zip(places, places.dropFirst()).map { $1 - $0 } + [0]
    }

    /// - Parameter counts: as many as its own, of the same edges.
    /// - Returns: nil where one of the two is empty.
    public func distances<Count: BinaryInteger>(to counts: UnsafeBufferPointer<Count>) -> HistogramDistances? {
        precondition(counts.count == size, "histograms of the same edges")
        let total = Double(counts.reduce(0) { $0 + Int($1) })
        guard total > 0, !isEmpty else { return nil }
        let mass = total + stabilityIndexSmoothing * Double(size)
        var distances = HistogramDistances(populationStabilityIndex: 0, kolmogorovSmirnov: 0, wasserstein: 0)
        var sum = 0
        for bin in 0..<size {
            let count = Int(counts[bin])
            sum += count
            let (p, q) = ((Double(count) + stabilityIndexSmoothing) / mass, smoothed[bin])
            if p != q { distances.populationStabilityIndex += (p - q) * log(p / q) }
            let difference = abs(Double(sum) / total - cumulated[bin])
            distances.kolmogorovSmirnov = max(distances.kolmogorovSmirnov, difference)
            distances.wasserstein += difference * steps[bin]
        }
        return distances
    }
}
