import Foundation

/// Added to every bin's count before the population stability index takes its share, so that an empty bin gives a
/// finite term (Jeffreys' prior).
public let stabilityIndexSmoothing = 0.5

/// Distances of two histograms, which must have the same edges. `have` and `need` count values of the emptier histogram.
extension FixedHistogram {
    /// Population stability index, sum of (p - q) ln(p / q) over under- and overflow and all bins, each share
    /// smoothed: (count + 0.5) / (total + 0.5 bins).
    public func populationStabilityIndex(to other: FixedHistogram) -> Estimate<Double> {
        compare(other) { a, b in
            zip(FixedHistogram.smoothed(a), FixedHistogram.smoothed(b)).reduce(0) { sum, shares in
                let (p, q) = shares
                return sum + (p - q) * log(p / q)
            }
        }
    }

    /// Largest difference of the cumulated shares at the edges: at most the samples' own Kolmogorov-Smirnov distance.
    public func kolmogorovSmirnov(to other: FixedHistogram) -> Estimate<Double> {
        compare(other) { a, b in FixedHistogram.cumulatedDifferences(a, b).map(abs).max() ?? 0 }
    }

    /// First Wasserstein distance in the values' unit, with each bin's values at its centre and under- and overflow at
    /// the outer edges.
    public func wasserstein(to other: FixedHistogram) -> Estimate<Double> {
        let centres = zip(edges, edges.dropFirst()).map { ($0 + $1) / 2 }
        let places = [edges[0]] + centres + [edges[edges.count - 1]]
        return compare(other) { a, b in
            zip(FixedHistogram.cumulatedDifferences(a, b), zip(places, places.dropFirst())).reduce(0) { sum, step in
                sum + abs(step.0) * (step.1.1 - step.1.0)
            }
        }
    }

    private func compare(_ other: FixedHistogram, _ distance: ([Int], [Int]) -> Double) -> Estimate<Double> {
        precondition(edges == other.edges, "histograms of the same edges")
        let have = min(total, other.total)
        return have > 0 ? .value(distance(allCounts, other.allCounts)) : .notEnoughData(have: have, need: 1)
    }

    private static func smoothed(_ counts: [Int]) -> [Double] {
        let total = Double(counts.reduce(0, +)) + stabilityIndexSmoothing * Double(counts.count)
        return counts.map { (Double($0) + stabilityIndexSmoothing) / total }
    }

    private static func cumulatedDifferences(_ a: [Int], _ b: [Int]) -> [Double] {
        let (totalA, totalB) = (Double(a.reduce(0, +)), Double(b.reduce(0, +)))
        var (sumA, sumB) = (0, 0)
        return zip(a, b).map { countA, countB in
            sumA += countA
            sumB += countB
            return Double(sumA) / totalA - Double(sumB) / totalB
        }
    }
}
