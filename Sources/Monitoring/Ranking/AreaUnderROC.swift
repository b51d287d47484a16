/// Area under the ROC curve with its standard error.
public struct AreaUnderROC: Sendable, Equatable {
    public var value: Double
    public var standardError: Double
    /// On the logit scale; nil where the patches show no spread, as with perfectly separated classes.
    public var interval: ConfidenceInterval?
    /// Clusters; nil where patches were taken as independent.
    public var slides: Int?
}

extension AreaUnderROC {
    /// For independent, equally weighted patches (DeLong, DeLong and Clarke-Pearson 1988). Weights are not looked at.
    /// `have` and `need` count patches of the rarer class.
    public static func delong(_ patches: [LabelledScore], level: Double = 0.95) -> Estimate<AreaUnderROC> {
        let parts = Placements(patches.usable.map(unweighted))
        let rarer = min(parts.tumours.count, parts.normals.count)
        guard rarer >= 2 else { return .notEnoughData(have: rarer, need: 2) }
        let variance = [parts.tumours, parts.normals].reduce(0) { sum, placed in
            let count = Double(placed.count)
            let squares = placed.reduce(0) { $0 + ($1.value - parts.area) * ($1.value - parts.area) }
            return sum + squares / (count - 1) / count
        }
        let error = variance.squareRoot()
        let interval = ConfidenceInterval.onLogitScale(
            share: parts.area, standardError: error, multiplier: NormalDistribution.multiplier(level: level),
            level: level)
        return .value(AreaUnderROC(value: parts.area, standardError: error, interval: interval, slides: nil))
    }

    /// For equally weighted patches clustered in slides (Obuchowski 1997), t on the slides less one. Weights are not
    /// looked at. `have` and `need` count slides: of all, and of those with each class two.
    public static func obuchowski(_ patches: [LabelledScore], level: Double = 0.95) -> Estimate<AreaUnderROC> {
        let parts = Placements(patches.usable.map(unweighted))
        let tumour = parts.deviations(parts.tumours)
        let normal = parts.deviations(parts.normals)
        let slides = Set(tumour.keys).union(normal.keys)
        guard slides.count >= fewestSlides else { return .notEnoughData(have: slides.count, need: fewestSlides) }
        let rarer = min(tumour.count, normal.count)
        guard rarer >= 2 else { return .notEnoughData(have: rarer, need: 2) }
        let squares = [(tumour, parts.tumours), (normal, parts.normals)].reduce(0) { sum, side in
            let clusters = Double(side.0.count)
            let total = Double(side.1.count)
            return sum + clusters / (clusters - 1) / (total * total)
                * side.0.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * $1.value }
        }
        let all = Double(slides.count)
        let products = slides.sorted().reduce(0) { $0 + (tumour[$1] ?? 0) * (normal[$1] ?? 0) }
        let covariance = all / (all - 1) * products / (Double(parts.tumours.count) * Double(parts.normals.count))
        return .value(parts.estimate(variance: max(0, squares + 2 * covariance), slides: slides.count, level: level))
    }

    /// For weighted patches clustered in slides, by linearisation of the weighted area over slides, t on the slides
    /// less one. `have` and `need` count slides, or patches of the rarer class where there is none.
    public static func linearised(_ patches: [LabelledScore], level: Double = 0.95) -> Estimate<AreaUnderROC> {
        let parts = Placements(patches)
        let rarer = min(parts.tumours.count, parts.normals.count)
        guard rarer >= 1 else { return .notEnoughData(have: rarer, need: 1) }
        var shares: [Int: Double] = [:]
        for side in [parts.tumours, parts.normals] {
            let total = side.reduce(0) { $0 + $1.weight }
            for (slide, deviation) in parts.deviations(side) { shares[slide, default: 0] += deviation / total }
        }
        guard shares.count >= fewestSlides else { return .notEnoughData(have: shares.count, need: fewestSlides) }
        let z = shares.sorted { $0.key < $1.key }.map(\.value)
        return .value(parts.estimate(variance: Monitoring.variance(z), slides: shares.count, level: level))
    }

    private static func unweighted(_ patch: LabelledScore) -> LabelledScore {
        LabelledScore(score: patch.score, isTumour: patch.isTumour, slide: patch.slide)
    }
}

/// Each patch's placement: the weighted share of the other class it is on the right side of, ties half.
private struct Placements {
    struct Placed {
        let value: Double
        let weight: Double
        let slide: Int
    }

    let tumours: [Placed]
    let normals: [Placed]
    /// Weighted mean placement of the tumours, which is the area under the curve; 0 without a class.
    let area: Double

    init(_ patches: [LabelledScore]) {
        let used = patches.usable.sorted { $0.score < $1.score }
        let tumourTotal = used.reduce(0) { $0 + ($1.isTumour ? $1.weight : 0) }
        let normalTotal = used.reduce(0) { $0 + ($1.isTumour ? 0 : $1.weight) }
        var below = (tumour: 0.0, normal: 0.0)
        var tumours: [Placed] = []
        var normals: [Placed] = []
        var start = 0
        while start < used.count {
            let tied = used[start...].prefix { $0.score == used[start].score }
            let tumourHere = tied.reduce(0) { $0 + ($1.isTumour ? $1.weight : 0) }
            let normalHere = tied.reduce(0) { $0 + ($1.isTumour ? 0 : $1.weight) }
            for patch in tied {
                if patch.isTumour {
                    let value = (below.normal + normalHere / 2) / normalTotal
                    tumours.append(Placed(value: value, weight: patch.weight, slide: patch.slide))
                } else {
                    let value = (tumourTotal - below.tumour - tumourHere / 2) / tumourTotal
                    normals.append(Placed(value: value, weight: patch.weight, slide: patch.slide))
                }
            }
            below = (below.tumour + tumourHere, below.normal + normalHere)
            start = tied.endIndex
        }
        self.tumours = tumours
        self.normals = normals
        area = tumours.isEmpty || normals.isEmpty ? 0 : tumours.reduce(0) { $0 + $1.weight * $1.value } / tumourTotal
    }

    /// Weighted placements less the area, summed a slide.
    func deviations(_ side: [Placed]) -> [Int: Double] {
        side.reduce(into: [:]) { $0[$1.slide, default: 0] += $1.weight * ($1.value - area) }
    }

    func estimate(variance: Double, slides: Int, level: Double) -> AreaUnderROC {
        let error = variance.squareRoot()
        let multiplier = StudentDistribution.multiplier(level: level, degreesOfFreedom: Double(slides - 1))
        let interval = ConfidenceInterval.onLogitScale(
            share: area, standardError: error, multiplier: multiplier, level: level)
        return AreaUnderROC(value: area, standardError: error, interval: interval, slides: slides)
    }
}
