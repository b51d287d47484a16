import Monitoring

/// How a distance to the reference is measured.
enum DriftDistance: String, CaseIterable, Sendable {
    case populationStabilityIndex = "population stability index"
    case kolmogorovSmirnov = "Kolmogorov-Smirnov"
    case wasserstein = "Wasserstein"
}

/// Histograms and calls of some patches, as drift compares them.
struct DriftSample: Sendable, Equatable {
    private(set) var histograms: [FixedHistogram]
    private(set) var calledTumor: Double
    private(set) var patches: Double

    static let empty = DriftSample(histograms: MonitoredStatistic.allCases.map { FixedHistogram(edges: $0.edges) })

    init(histograms: [FixedHistogram], calledTumor: Double = 0, patches: Double = 0) {
        (self.histograms, self.calledTumor, self.patches) = (histograms, calledTumor, patches)
    }

    init(_ patches: some Sequence<ReferencePatch>) {
        self = .empty
        for patch in patches { add(patch) }
    }

    mutating func add(_ patch: ReferencePatch) {
        for statistic in MonitoredStatistic.allCases {
            histograms[statistic.rawValue].add(Double(patch.figures[statistic.rawValue]))
        }
        if patch.isCalledTumor { calledTumor += 1 }
        patches += 1
    }

    init(_ profile: PredictionProfile) {
        self.init(
            histograms: profile.histograms, calledTumor: Double(profile.calledTumor),
            patches: Double(profile.predictions))
    }

    /// The counts of all histograms, then called tumor, then patches.
    var flat: [Int32] {
        histograms.flatMap { $0.allCounts.map(Int32.init) } + [Int32(calledTumor), Int32(patches)]
    }

    func figures(comparedWith reference: DriftStandard) -> [Double?] {
        flat.withUnsafeBufferPointer { reference.figures(of: $0) }
    }
}

/// Patches that others are compared with.
struct DriftStandard: Sendable {
    private let standards: [HistogramStandard]
    private let decisionRate: Double

    init(_ sample: DriftSample) {
        self = sample.flat.withUnsafeBufferPointer { DriftStandard(flat: $0) }
    }

    /// - Parameter flat: as `DriftSample.flat`.
    init(flat: UnsafeBufferPointer<Int32>) {
        var start = 0
        standards = MonitoredStatistic.allCases.map { statistic in
            let size = statistic.edges.count + 1
            defer { start += size }
            return HistogramStandard(flat[start..<start + size].map { Int($0) }, edges: statistic.edges)
        }
        decisionRate = Double(flat[start]) / Double(flat[start + 1])
    }

    /// The figures in the order of `DriftFigures.names`: distances to these patches, then how much larger the share called
    /// tumour is than there.
    ///
    /// - Parameter flat: as `DriftSample.flat`.
    func figures(of flat: UnsafeBufferPointer<Int32>) -> [Double?] {
        var figures: [Double?] = []
        figures.reserveCapacity(DriftFigures.names.count)
        var start = 0
        for standard in standards {
            let distances = standard.distances(to: UnsafeBufferPointer(rebasing: flat[start..<start + standard.size]))
            start += standard.size
            for distance in DriftDistance.allCases { figures.append(distances?[distance]) }
        }
        let change = Double(flat[start]) / Double(flat[start + 1]) - decisionRate
        return figures + [change.isNaN ? nil : change]
    }
}

extension HistogramDistances {
    fileprivate subscript(distance: DriftDistance) -> Double {
        switch distance {
        case .populationStabilityIndex: populationStabilityIndex
        case .kolmogorovSmirnov: kolmogorovSmirnov
        case .wasserstein: wasserstein
        }
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
