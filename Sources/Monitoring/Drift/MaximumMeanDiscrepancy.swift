import Foundation

/// Squared maximum mean discrepancy of two samples of embeddings (Gretton et al. 2012).
public struct MaximumMeanDiscrepancy: Sendable, Equatable {
    /// Unbiased, so it can be slightly negative when the samples are alike.
    public var squared: Double
    /// Sigma of the kernel exp(-|x - y|^2 / (2 sigma^2)).
    public var bandwidth: Double
}

/// Unbiased estimate (Gretton et al. 2012, lemma 6) with a Gaussian kernel of the pooled median distance. `have` and
/// `need` count vectors of the smaller sample; nil unless all vectors have one dimension and finite
/// components.
///
/// - Parameters:
///   - most: vectors of each sample at most, drawn without replacement by the seed; time and memory grow with its
///     square.
public func maximumMeanDiscrepancy(
    _ a: [[Float]], _ b: [[Float]], most: Int = 500, seed: UInt64 = 1
) -> Estimate<MaximumMeanDiscrepancy>? {
    guard Set((a + b).map(\.count)).count <= 1 else { return nil }
    var random = SplitMix64(seed: seed)
    let (a, b) = (drawn(a, most, &random), drawn(b, most, &random))
    guard min(a.count, b.count) >= 2 else { return .notEnoughData(have: min(a.count, b.count), need: 2) }
    let pooled = a + b
    var squares: [Double] = []
    for i in pooled.indices { for j in 0..<i { squares.append(squaredDistance(pooled[i], pooled[j])) } }
    guard squares.allSatisfy(\.isFinite) else { return nil }
    let bandwidth = medianDistance(squares)
    guard bandwidth > 0 else { return .value(MaximumMeanDiscrepancy(squared: 0, bandwidth: 0)) }
    var (within, across, other) = (0.0, 0.0, 0.0)
    var pair = 0
    for i in pooled.indices {
        for j in 0..<i {
            let kernel = exp(-squares[pair] / (2 * bandwidth * bandwidth))
            pair += 1
            if i < a.count { within += kernel } else if j < a.count { across += kernel } else { other += kernel }
        }
    }
    let (m, n) = (Double(a.count), Double(b.count))
    let squared = 2 * within / (m * (m - 1)) + 2 * other / (n * (n - 1)) - 2 * across / (m * n)
    return .value(MaximumMeanDiscrepancy(squared: squared, bandwidth: bandwidth))
}

func squaredDistance(_ a: [Float], _ b: [Float]) -> Double {
    var sum = 0.0
    for i in a.indices {
        let difference = Double(a[i]) - Double(b[i])
        sum += difference * difference
    }
    return sum
}

/// Median of the distances; their mean where over half are 0, and 0 where all vectors are equal.
func medianDistance(_ squares: [Double]) -> Double {
    let sorted = squares.sorted()
    let middle = sorted.count / 2
    let median =
        sorted.count % 2 == 1
        ? sorted[middle].squareRoot() : (sorted[middle - 1].squareRoot() + sorted[middle].squareRoot()) / 2
    return median > 0 ? median : sorted.reduce(0) { $0 + $1.squareRoot() } / Double(sorted.count)
}

/// At most `most` of the vectors: the first places of a seeded Fisher-Yates shuffle.
func drawn<Vector>(_ vectors: [Vector], _ most: Int, _ random: inout SplitMix64) -> [Vector] {
    guard vectors.count > most else { return vectors }
    var places = Array(vectors.indices)
    for i in 0..<max(0, most) { places.swapAt(i, i + random.index(below: places.count - i)) }
    return places.prefix(max(0, most)).map { vectors[$0] }
}
