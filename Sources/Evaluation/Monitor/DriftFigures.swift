import Monitoring

/// How a distance to the reference is measured.
enum DriftDistance: String, CaseIterable, Sendable {
    case populationStabilityIndex = "population stability index"
    case kolmogorovSmirnov = "Kolmogorov-Smirnov"
    case wasserstein = "Wasserstein"
}

/// Histograms and calls of some patches, as drift compares them.
struct DriftSample: Sendable {
    private(set) var histograms: [FixedHistogram]
    private(set) var calledTumor: Double
    private(set) var patches: Double

    static let empty = DriftSample(histograms: MonitoredStatistic.allCases.map { FixedHistogram(edges: $0.edges) })

    init(histograms: [FixedHistogram], calledTumor: Double = 0, patches: Double = 0) {
        (self.histograms, self.calledTumor, self.patches) = (histograms, calledTumor, patches)
    }

    init(_ patches: some Sequence<ReferencePatch>) {
        self = .empty
        for patch in patches {
            for statistic in MonitoredStatistic.allCases {
                histograms[statistic.rawValue].add(Double(patch.figures[statistic.rawValue]))
            }
            if patch.isCalledTumor { calledTumor += 1 }
            self.patches += 1
        }
    }

    init(_ profile: PredictionProfile) {
        self.init(
            histograms: profile.histograms, calledTumor: Double(profile.calledTumor),
            patches: Double(profile.predictions))
    }

    /// The figures in the order of `DriftFigures.names`: distances to the other sample, then how much larger the share
    /// called tumour is than there.
    func figures(comparedWith reference: DriftSample) -> [Double?] {
        var figures: [Double?] = []
        for statistic in MonitoredStatistic.allCases {
            let (own, other) = (histograms[statistic.rawValue], reference.histograms[statistic.rawValue])
            for distance in DriftDistance.allCases {
                switch distance {
                case .populationStabilityIndex: figures.append(own.populationStabilityIndex(to: other).value)
                case .kolmogorovSmirnov: figures.append(own.kolmogorovSmirnov(to: other).value)
                case .wasserstein: figures.append(own.wasserstein(to: other).value)
                }
            }
        }
        let shares = (calledTumor / patches, reference.calledTumor / reference.patches)
        return figures + [patches > 0 && reference.patches > 0 ? shares.0 - shares.1 : nil]
    }
}

/// The family of figures that one window of a segment is judged by.
enum DriftFigures {
    static let decisionRate = "decision_rate"
    static let change = "change of the share called tumor"

    /// What is measured, and how.
    static let names: [(metric: String, method: String)] =
        MonitoredStatistic.allCases.flatMap { statistic in
            DriftDistance.allCases.map { (metric: statistic.metric, method: $0.rawValue) }
        } + [(metric: decisionRate, method: change)]

    static let family = names.map { name in
        MonitoredFigure("\(name.metric), \(name.method)", side: name.metric == decisionRate ? .both : .high)
    }
}
