/// How much better one score ranks the same patches than another.
public struct PairedAreas: Sendable, Equatable {
    /// A patch with both scores.
    public struct Patch: Sendable, Equatable {
        public var first: Double
        public var second: Double
        public var isTumour: Bool
        public var slide: Int

        public init(first: Double, second: Double, isTumour: Bool, slide: Int = 0) {
            (self.first, self.second, self.isTumour, self.slide) = (first, second, isTumour, slide)
        }
    }

    /// Area under the ROC curve by the first score, less that by the second.
    public var difference: Double
    public var standardError: Double
    /// Symmetric.
    public var interval: ConfidenceInterval
    /// Two-sided, of no difference; 1 where the two scores rank alike.
    public var pValue: Double
    /// Clusters; nil where patches were taken as independent.
    public var slides: Int?

    /// For independent patches (DeLong, DeLong and Clarke-Pearson 1988): normal. `have` and `need` count patches of the
    /// rarer class.
    public static func delong(_ patches: [Patch], level: Double = 0.95) -> Estimate<PairedAreas> {
        let (tumours, normals) = differences(patches)
        let rarer = min(tumours.count, normals.count)
        guard rarer >= 2 else { return .notEnoughData(have: rarer, need: 2) }
        let difference = mean(tumours)
        func variance(_ placed: [Placed]) -> Double {
            let squares = placed.reduce(0) { $0 + ($1.value - difference) * ($1.value - difference) }
            return squares / Double(placed.count - 1) / Double(placed.count)
        }
        let error = (variance(tumours) + variance(normals)).squareRoot()
        return .value(
            PairedAreas(
                difference, error, multiplier: NormalDistribution.multiplier(level: level), level, slides: nil
            ) { 2 * NormalDistribution.cdf(-$0) })
    }

    /// For patches clustered in slides (Obuchowski 1997): t on the slides less one. `have` and `need` count slides: of
    /// all, and of those with each class two.
    public static func obuchowski(_ patches: [Patch], level: Double = 0.95) -> Estimate<PairedAreas> {
        let (tumours, normals) = differences(patches)
        var sums: [Int: (tumour: Double?, normal: Double?)] = [:]
        guard !tumours.isEmpty, !normals.isEmpty else { return .notEnoughData(have: 0, need: 2) }
        let difference = mean(tumours)
        for patch in tumours { sums[patch.slide, default: (nil, nil)].tumour.add(patch.value - difference) }
        for patch in normals { sums[patch.slide, default: (nil, nil)].normal.add(patch.value - difference) }
        guard sums.count >= fewestSlides else { return .notEnoughData(have: sums.count, need: fewestSlides) }
        let slides = sums.sorted { $0.key < $1.key }.map(\.value)
        let (ofTumours, ofNormals) = (slides.compactMap(\.tumour), slides.compactMap(\.normal))
        let rarer = min(ofTumours.count, ofNormals.count)
        guard rarer >= 2 else { return .notEnoughData(have: rarer, need: 2) }
        func share(_ deviations: [Double], patches: Int) -> Double {
            let (clusters, total) = (Double(deviations.count), Double(patches))
            return clusters / (clusters - 1) / (total * total) * deviations.reduce(0) { $0 + $1 * $1 }
        }
        let all = Double(slides.count)
        let products = slides.reduce(0) { $0 + ($1.tumour ?? 0) * ($1.normal ?? 0) }
        let covariance = all / (all - 1) * products / (Double(tumours.count) * Double(normals.count))
        let variance =
            share(ofTumours, patches: tumours.count) + share(ofNormals, patches: normals.count) + 2 * covariance
        let freedom = all - 1
        return .value(
            PairedAreas(
                difference, max(0, variance).squareRoot(),
                multiplier: StudentDistribution.multiplier(level: level, degreesOfFreedom: freedom), level,
                slides: slides.count
            ) { 2 * (StudentDistribution.cdf(-$0, degreesOfFreedom: freedom) ?? 0.5) })
    }

    private init(
        _ difference: Double, _ error: Double, multiplier: Double, _ level: Double, slides: Int?,
        tails: (Double) -> Double
    ) {
        (self.difference, standardError, self.slides) = (difference, error, slides)
        interval = ConfidenceInterval(
            lower: difference - multiplier * error, upper: difference + multiplier * error, level: level)
        pValue = error > 0 ? tails(abs(difference) / error) : difference == 0 ? 1 : 0
    }

    /// Difference of a patch's two placements.
    private struct Placed {
        let value: Double
        let slide: Int
    }

    private static func differences(_ patches: [Patch]) -> (tumours: [Placed], normals: [Placed]) {
        let (first, second) = (placements(patches, \.first), placements(patches, \.second))
        let placed = patches.indices.map { Placed(value: first[$0] - second[$0], slide: patches[$0].slide) }
        return (
            zip(patches, placed).filter(\.0.isTumour).map(\.1), zip(patches, placed).filter { !$0.0.isTumour }.map(\.1)
        )
    }

    /// The share of the other class that each patch is on the right side of, ties half; in the order of the patches.
    private static func placements(_ patches: [Patch], _ score: KeyPath<Patch, Double>) -> [Double] {
        let order = patches.indices.sorted { patches[$0][keyPath: score] < patches[$1][keyPath: score] }
        let totals = (tumour: Double(patches.count(where: \.isTumour)), normal: Double(patches.count { !$0.isTumour }))
        var (below, start) = ((tumour: 0.0, normal: 0.0), 0)
        var placements = [Double](repeating: 0, count: patches.count)
        while start < order.count {
            let value = patches[order[start]][keyPath: score]
            let tied = order[start...].prefix { patches[$0][keyPath: score] == value }
            let tumours = Double(tied.count { patches[$0].isTumour }), normals = Double(tied.count) - tumours
            for index in tied {
                placements[index] =
                    patches[index].isTumour
                    ? (below.normal + normals / 2) / totals.normal
                    : (totals.tumour - below.tumour - tumours / 2) / totals.tumour
            }
            below = (below.tumour + tumours, below.normal + normals)
            start = tied.endIndex
        }
        return placements
    }

    private static func mean(_ placed: [Placed]) -> Double { placed.reduce(0) { $0 + $1.value } / Double(placed.count) }
}

extension Double? {
    fileprivate mutating func add(_ value: Double) { self = (self ?? 0) + value }
}

/// The exact test of McNemar (1947), by the binomial distribution: whether two calls of the same independent patches err
/// equally often, from the patches that only the first and only the second calls rightly. Two-sided; 1 without any.
public func mcnemarPValue(onlyFirst: Int, onlySecond: Int) -> Double {
    let (fewer, all) = (min(onlyFirst, onlySecond), onlyFirst + onlySecond)
    guard all > 0, fewer * 2 < all else { return 1 }
    // P(X <= k) of Binomial(n, 1/2) is I_{1/2}(n - k, k + 1).
    let tail = regularizedIncompleteBeta(0.5, Double(all - fewer), Double(fewer + 1)) ?? 0.5
    return min(1, 2 * tail)
}
