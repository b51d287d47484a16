/// Average precision with its interval over slides.
public struct AveragePrecision: Sendable, Equatable {
    /// As `PrecisionRecallCurve.averagePrecision`.
    public var value: Double
    public var standardError: Double
    /// Nil at 0 and 1 and without spread.
    public var interval: ConfidenceInterval?
    public var slides: Int

    /// For weighted patches clustered in slides, by linearisation over slides (Binder 1983), t on the slides less one,
    /// symmetric on the logit scale. `have` and `need` count slides. Nil without a tumour patch.
    public static func linearised(_ patches: [LabelledScore], level: Double = 0.95) -> Estimate<AveragePrecision>? {
        let falling = patches.usable.sorted { $0.score > $1.score }
        guard let value = PrecisionRecallCurve(falling)?.averagePrecision else { return nil }
        let slides = influences(falling, value)
        guard slides.count >= fewestSlides else { return .notEnoughData(have: slides.count, need: fewestSlides) }
        let error = variance(slides).squareRoot()
        let multiplier = StudentDistribution.multiplier(level: level, degreesOfFreedom: Double(slides.count - 1))
        return .value(
            AveragePrecision(
                value: value, standardError: error,
                interval: .onLogitScale(share: value, standardError: error, multiplier: multiplier, level: level),
                slides: slides.count))
    }

    /// What each slide's weight moves the average precision by.
    ///
    /// The average precision is the weighted mean over tumours of the precision P(s) = T(s) / N(s) among all patches with
    /// at least their score. More weight on a patch of score u moves the mean by P(u) less the mean if it is a tumour, and
    /// P(s) of every tumour with s up to u by 1 - P(s) for a tumour, by -P(s) for a normal one, each over N(s).
    private static func influences(_ falling: [LabelledScore], _ average: Double) -> [Double] {
        let steps = scoreSteps(falling)
        guard let total = steps.last?.tumour else { return [] }
        var slides = BySlide(falling.lazy.map(\.slide), zero: 0.0)
        var end = falling.endIndex
        // Sums over the tumours with at most the score: of 1 / N and of P / N.
        var (ones, precisions) = (0.0, 0.0)
        for (place, step) in steps.enumerated().reversed() {
            let all = step.tumour + step.normal
            let precision = step.tumour / all
            let here = step.tumour - (place > 0 ? steps[place - 1].tumour : 0)
            ones += here / all
            precisions += here * precision / all
            while end > falling.startIndex, falling[end - 1].score == step.score {
                end -= 1
                let patch = falling[end]
                let moved = (patch.isTumour ? precision - average + ones : 0) - precisions
                slides.add(to: patch.slide) { $0 += patch.weight * moved / total }
            }
        }
        return slides.sums
    }
}
