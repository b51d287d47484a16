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
        let slides = parts.deviations()
        guard slides.count >= fewestSlides else { return .notEnoughData(have: slides.count, need: fewestSlides) }
        let (ofTumours, ofNormals) = (slides.filter(\.hasTumour), slides.filter(\.hasNormal))
        let rarer = min(ofTumours.count, ofNormals.count)
        guard rarer >= 2 else { return .notEnoughData(have: rarer, need: 2) }
        func share(_ deviations: [Double], patches: Int) -> Double {
            let (clusters, total) = (Double(deviations.count), Double(patches))
            return clusters / (clusters - 1) / (total * total) * deviations.reduce(0) { $0 + $1 * $1 }
        }
        let squares =
            share(ofTumours.map(\.tumour), patches: parts.tumours.count)
            + share(ofNormals.map(\.normal), patches: parts.normals.count)
        let all = Double(slides.count)
        let products = slides.reduce(0) { $0 + $1.tumour * $1.normal }
        let covariance = all / (all - 1) * products / (Double(parts.tumours.count) * Double(parts.normals.count))
        return .value(parts.estimate(variance: max(0, squares + 2 * covariance), slides: slides.count, level: level))
    }

    /// For weighted patches clustered in slides, by linearisation of the weighted area over slides, t on the slides
    /// less one. `have` and `need` count slides, or patches of the rarer class where there is none.
    public static func linearised(_ patches: [LabelledScore], level: Double = 0.95) -> Estimate<AreaUnderROC> {
        let parts = Placements(patches)
        let rarer = min(parts.tumours.count, parts.normals.count)
        guard rarer >= 1 else { return .notEnoughData(have: rarer, need: 1) }
        let slides = parts.deviations()
        guard slides.count >= fewestSlides else { return .notEnoughData(have: slides.count, need: fewestSlides) }
        let (tumours, normals) = (parts.tumours.weight, parts.normals.weight)
        let z = slides.map { $0.tumour / tumours + $0.normal / normals }
        return .value(parts.estimate(variance: Monitoring.variance(z), slides: slides.count, level: level))
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

    /// Weighted placements less the area, summed over a slide's patches of each class.
    struct SlideDeviation {
        var tumour = 0.0
        var normal = 0.0
        var hasTumour = false
        var hasNormal = false
    }

    /// By rising number of the slide.
    func deviations() -> [SlideDeviation] {
        var slides = BySlide(
            [tumours, normals].lazy.joined().map(\.slide), zero: SlideDeviation())
        for patch in tumours {
            slides.add(to: patch.slide) {
                $0.tumour += patch.weight * (patch.value - area)
                $0.hasTumour = true
            }
        }
        for patch in normals {
            slides.add(to: patch.slide) {
                $0.normal += patch.weight * (patch.value - area)
                $0.hasNormal = true
            }
        }
        return slides.sums
    }

    func estimate(variance: Double, slides: Int, level: Double) -> AreaUnderROC {
        let error = variance.squareRoot()
        let multiplier = StudentDistribution.multiplier(level: level, degreesOfFreedom: Double(slides - 1))
        let interval = ConfidenceInterval.onLogitScale(
            share: area, standardError: error, multiplier: multiplier, level: level)
        return AreaUnderROC(value: area, standardError: error, interval: interval, slides: slides)
    }
}

extension [Placements.Placed] {
    fileprivate var weight: Double { reduce(0) { $0 + $1.weight } }
}
