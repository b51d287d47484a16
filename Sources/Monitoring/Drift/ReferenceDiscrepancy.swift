import Foundation

/// Squared maximum mean discrepancy (Gretton et al. 2012, lemma 6) of samples to one reference whose vectors belong to
/// slides: the kernel stays the reference's, so windows can be compared, and what whole slides differ by is known.
public struct ReferenceDiscrepancy: Sendable {
    /// Sigma of the kernel exp(-|x - y|^2 / (2 sigma^2)): the median distance of two of its vectors.
    public let bandwidth: Double
    /// Slides that have a vector.
    public var slides: Int { sizes.count }
    /// Vectors compared with.
    public var vectors: Int { reference.count }

    private let reference: [[Float]]
    /// Vectors of each slide.
    private let sizes: [Int]
    /// Sum of the kernel over the vectors of each two slides, without a vector and itself, row by row.
    private let sums: [Double]

    /// nil unless there are two vectors that differ, all of one dimension and with finite components.
    ///
    /// - Parameters:
    ///   - slides: vectors of each slide.
    ///   - most: vectors compared with at most, drawn without replacement by the seed.
    public init?(_ slides: [[[Float]]], most: Int = 500, seed: UInt64 = 1) {
        var random = SplitMix64(seed: seed)
        let all = slides.enumerated().flatMap { slide, vectors in vectors.map { (slide: slide, vector: $0) } }
        let bySlide = Dictionary(grouping: drawn(all, most, &random), by: \.slide).sorted { $0.key < $1.key }
        let vectors = bySlide.flatMap { $0.value.map(\.vector) }
        guard vectors.count >= 2, Set(vectors.map(\.count)).count == 1 else { return nil }
        var squares: [Double] = []
        squares.reserveCapacity(vectors.count * (vectors.count - 1) / 2)
        for i in vectors.indices { for j in 0..<i { squares.append(squaredDistance(vectors[i], vectors[j])) } }
        guard squares.allSatisfy(\.isFinite) else { return nil }
        let bandwidth = medianDistance(squares)
        guard bandwidth > 0 else { return nil }

        let place = bySlide.enumerated().flatMap { slide, group in group.value.map { _ in slide } }
        var sums = [Double](repeating: 0, count: bySlide.count * bySlide.count)
        var pair = 0
        for i in vectors.indices {
            for j in 0..<i {
                let kernel = exp(-squares[pair] / (2 * bandwidth * bandwidth))
                pair += 1
                sums[place[i] * bySlide.count + place[j]] += kernel
                sums[place[j] * bySlide.count + place[i]] += kernel
            }
        }
        self.bandwidth = bandwidth
        self.sums = sums
        sizes = bySlide.map(\.value.count)
        reference = vectors
    }

    /// Of a sample that shares no slide with the reference; unbiased, so it can be slightly negative. nil unless all of
    /// its vectors are finite and of the reference's dimension.
    public func squared(_ sample: [[Float]]) -> Estimate<Double>? {
        guard sample.allSatisfy({ $0.count == reference[0].count && $0.allSatisfy(\.isFinite) }) else { return nil }
        guard sample.count >= 2 else { return .notEnoughData(have: sample.count, need: 2) }
        var (within, across) = (0.0, 0.0)
        for i in sample.indices {
            for j in 0..<i { within += kernel(sample[i], sample[j]) }
            for vector in reference { across += kernel(sample[i], vector) }
        }
        let (m, n) = (Double(sample.count), Double(reference.count))
        return .value(
            2 * within / (m * (m - 1)) + sums.reduce(0, +) / (n * (n - 1)) - 2 * across / (m * n))
    }

    /// Slides of the reference, drawn with repeats: each draw stands for a slide of its own.
    public struct Draw: Sendable {
        fileprivate let counts: [Double]
        /// Mean of the kernel over the pairs of its vectors; nil where there are none.
        fileprivate let within: Double?
    }

    public func draw(_ slides: [Int]) -> Draw {
        let counts = counts(slides)
        return Draw(counts: counts, within: mean(counts, counts, draws: true))
    }

    /// Of one draw to another; no slide is compared with itself. nil where a side has no two vectors, or nothing is left to
    /// compare.
    public func squared(_ window: Draw, to reference: Draw) -> Double? {
        guard let within = window.within, let without = reference.within,
            let across = mean(window.counts, reference.counts, draws: false)
        else { return nil }
        return within + without - 2 * across
    }

    private func counts(_ draws: [Int]) -> [Double] {
        var counts = [Double](repeating: 0, count: slides)
        for slide in draws { counts[slide] += 1 }
        return counts
    }

    /// Mean of the kernel over the pairs of two draws' vectors; `draws`: also over those within each draw.
    private func mean(_ a: [Double], _ b: [Double], draws: Bool) -> Double? {
        var (sum, pairs) = (0.0, 0.0)
        let others = b.indices.filter { b[$0] > 0 }
        for i in a.indices where a[i] > 0 {
            let size = Double(sizes[i])
            for j in others where j != i {
                let weight = a[i] * b[j]
                sum += weight * sums[i * slides + j]
                pairs += weight * size * Double(sizes[j])
            }
            if draws {
                sum += a[i] * sums[i * slides + i]
                pairs += a[i] * size * (size - 1)
            }
        }
        return pairs > 0 ? sum / pairs : nil
    }

    private func kernel(_ a: [Float], _ b: [Float]) -> Double {
        exp(-squaredDistance(a, b) / (2 * bandwidth * bandwidth))
    }
}
