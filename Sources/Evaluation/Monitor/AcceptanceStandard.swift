import Monitoring

/// What a subject is held to: what it did itself in the period of the acceptance reference, as sites differ.
struct AcceptanceStandard {
    let reference: ReferenceProfile?
    /// The labels of the reference's period.
    private(set) var labels: LabelAnswers?
    private(set) var expectation: Expectation?
    /// Mean of the scores; nil without a patch in the reference.
    private(set) var scores: Estimate<ClusteredEstimate>?
    /// Shares of wrong calls, as far as the labels of the period tell them.
    private(set) var errors: [ErrorStream: (rate: Double, standardError: Double)] = [:]

    /// With what is frozen alone.
    init(_ subject: Subject, _ reference: ReferenceProfile?) {
        self.reference = reference
        let slides = Dictionary(
            grouping: reference?.patches(of: subject.segment).filter { $0.slide > 0 } ?? [], by: \.slide)
        scores = clusteredRatio(
            slides.sorted { $0.key < $1.key }.map { _, patches in
                SlideSums(
                    numerator: patches.reduce(0) { $0 + Double($1.figures[MonitoredStatistic.score.rawValue]) },
                    denominator: Double(patches.count))
            })
    }

    /// With the predictions and the labels of its period too.
    ///
    /// - Parameter widening: as in `Expectation`.
    init(
        _ subject: Subject, _ reference: ReferenceProfile, _ profile: PredictionProfile, _ patches: [LabelledPatch],
        tolerance: Double, widening: Double
    ) {
        self.init(subject, reference)
        let realised = RealisedPerformance(subject, profile, patches, nil)
        labels = realised.answers
        var lowest: [ConfusionFigure: Double] = [:]
        var without: [ConfusionFigure: String] = [:]
        for figure in realised.confusion() where figure.method == RealisedPerformance.corrected {
            let kind = MonitorConfiguration.alarmingFigures.first { $0.metric == figure.metric }
            guard figure.state == .shown, let value = figure.value, let interval = figure.interval else {
                if let kind {
                    without[kind] = [figure.state.rawValue, figure.note].compactMap(\.self).joined(separator: ", ")
                }
                continue
            }
            if let kind { lowest[kind] = value - tolerance }
            if let stream = ErrorStream.allCases.first(where: { $0.right.metric == figure.metric }) {
                errors[stream] = (1 - value, interval.standardError)
            }
        }
        expectation = Expectation(reference: reference.id, lowest: lowest, without: without, widening: widening)
    }
}

extension ConfidenceInterval {
    /// That a normal figure with this interval would have.
    var standardError: Double { (upper - lower) / (2 * NormalDistribution.multiplier(level: level)) }
}
