import Monitoring

/// Why a prediction could be selected for review: the strata within which labels are asked for alike.
enum ReviewStratum: Int, CaseIterable, Sendable {
    case uncertain, positive, auditCalledTumor, auditCalledNormal

    init?(reason: String?, isCalledTumor: Bool) {
        switch reason {
        case "uncertain", "out_of_scope": self = .uncertain
        case "positive": self = .positive
        case "audit": self = isCalledTumor ? .auditCalledTumor : .auditCalledNormal
        default: return nil
        }
    }

    var name: String {
        switch self {
        case .uncertain: "uncertain"
        case .positive: "positive"
        case .auditCalledTumor: "audit, called tumor"
        case .auditCalledNormal: "audit, called normal"
        }
    }
}

/// Counts of predictions, to be added up: what a window knows of all of them, labelled or not.
struct PredictionProfile: Sendable, Equatable {
    /// Of the layout: another number means other counts.
    static let layout: Int32 = 2

    var predictions: Int64 = 0
    var calledTumor: Int64 = 0
    var uncertain: Int64 = 0
    /// Uncertain ones that reached the threshold.
    var uncertainCalledTumor: Int64 = 0
    /// Selected for review, by stratum.
    var selected = [Int64](repeating: 0, count: ReviewStratum.allCases.count)
    /// Never drawn: their selection probability was 0.
    var neverDrawnCalledTumor: Int64 = 0
    var neverDrawnCalledNormal: Int64 = 0
    /// Patches with hardly any tissue, of those with some the ones covered by a marker's ink, and of the rest the blurred.
    var white: Int64 = 0
    var inked: Int64 = 0
    var blurred: Int64 = 0
    /// Patches that the version was not made for, those of which it is not known, and all of versions that declare it.
    var outsideScope: Int64 = 0
    var unknownScope: Int64 = 0
    var declaredScope: Int64 = 0
    /// Sum of the probabilities of tumour, of those called tumour and of the others.
    var expectedTumorsCalled = 0.0
    var expectedTumorsMissed = 0.0
    /// Counts of p_tumor in equal bins, finer than what drift is measured on.
    var scores = [Int64](repeating: 0, count: PredictionProfile.scoreBins)
    /// By `MonitoredStatistic`.
    var histograms = MonitoredStatistic.allCases.map { FixedHistogram(edges: $0.edges) }

    static let scoreBins = 256

    mutating func add(_ patch: ProfiledPatch) {
        predictions += 1
        let score = patch.figures[MonitoredStatistic.score.rawValue]
        scores[min(PredictionProfile.scoreBins - 1, Int(score * Float(PredictionProfile.scoreBins)))] += 1
        if patch.isCalledTumor {
            calledTumor += 1
            expectedTumorsCalled += Double(score)
        } else {
            expectedTumorsMissed += Double(score)
        }
        if patch.isUncertain { uncertain += 1 }
        if patch.isUncertain, patch.isCalledTumor { uncertainCalledTumor += 1 }
        if let stratum = patch.stratum { selected[stratum.rawValue] += 1 }
        if patch.selectionProbability == 0 {
            if patch.isCalledTumor { neverDrawnCalledTumor += 1 } else { neverDrawnCalledNormal += 1 }
        }
        if patch.figures[MonitoredStatistic.tissueShare.rawValue] < PredictionProfile.whiteBelow {
            white += 1
        } else if patch.isInked {
            inked += 1
        } else if patch.figures[MonitoredStatistic.focus.rawValue] < PredictionProfile.blurredBelow {
            blurred += 1
        }
        switch patch.position {
        case nil: break
        case .inside?: declaredScope += 1
        case .outside?: (declaredScope, outsideScope) = (declaredScope + 1, outsideScope + 1)
        case .unknown?: (declaredScope, unknownScope) = (declaredScope + 1, unknownScope + 1)
        }
        for statistic in MonitoredStatistic.allCases {
            histograms[statistic.rawValue].add(Double(patch.figures[statistic.rawValue]))
        }
    }

    /// Share of tissue below which a patch holds nothing to judge.
    static let whiteBelow: Float = 0.05
    /// Variance of the Laplacian below which a patch with tissue counts as blurred.
    static let blurredBelow: Float = 20

    static func += (left: inout PredictionProfile, right: PredictionProfile) {
        left.predictions += right.predictions
        left.calledTumor += right.calledTumor
        left.uncertain += right.uncertain
        left.uncertainCalledTumor += right.uncertainCalledTumor
        for index in left.selected.indices { left.selected[index] += right.selected[index] }
        left.neverDrawnCalledTumor += right.neverDrawnCalledTumor
        left.neverDrawnCalledNormal += right.neverDrawnCalledNormal
        left.white += right.white
        left.inked += right.inked
        left.blurred += right.blurred
        left.outsideScope += right.outsideScope
        left.unknownScope += right.unknownScope
        left.declaredScope += right.declaredScope
        left.expectedTumorsCalled += right.expectedTumorsCalled
        left.expectedTumorsMissed += right.expectedTumorsMissed
        for bin in left.scores.indices { left.scores[bin] += right.scores[bin] }
        for statistic in left.histograms.indices { left.histograms[statistic] += right.histograms[statistic] }
    }
}

/// What a profile counts of one prediction.
struct ProfiledPatch {
    let isCalledTumor: Bool
    let isUncertain: Bool
    let stratum: ReviewStratum?
    let selectionProbability: Double
    /// In or outside of what the version was made for; nil where it does not declare that.
    var position: DeclaredScope.Position?
    /// In the order of `MonitoredStatistic`; not a number where the patch has none.
    var figures: [Float]

    /// Tissue stained with hematoxylin and eosin takes most of the green; inks take more of the red or the blue, or much of
    /// all. Of 1,487 patches of lymph nodes one is beyond these limits.
    fileprivate var isInked: Bool {
        func mean(_ statistic: MonitoredStatistic) -> Float { figures[statistic.rawValue] }
        let (red, green, blue) = (mean(.odMeanRed), mean(.odMeanGreen), mean(.odMeanBlue))
        if max(red, blue) > 1.2 * green { return true }
        return min(red, green, blue) > 1.3 && mean(.saturation) < 0.15
    }
}

extension PredictionProfile {
    /// All counts in order, as 8-byte little-endian numbers.
    var packed: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: Int64) { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
        for number in integers { append(number) }
        append(Int64(bitPattern: expectedTumorsCalled.bitPattern))
        append(Int64(bitPattern: expectedTumorsMissed.bitPattern))
        return bytes
    }

    private var integers: [Int64] {
        [Int64(PredictionProfile.layout), predictions, calledTumor, uncertain, uncertainCalledTumor] + selected
            + [neverDrawnCalledTumor, neverDrawnCalledNormal, white, inked, blurred]
            + [outsideScope, unknownScope, declaredScope] + scores
            + histograms.flatMap { $0.allCounts.map(Int64.init) }
    }

    /// Reads what `packed` wrote; nil where it is of another size.
    init?(packed bytes: UnsafeRawBufferPointer) {
        self.init()
        guard bytes.count == (integers.count + 2) * 8 else { return nil }
        var place = 0
        func next() -> Int64 {
            defer { place += 8 }
            return Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
        }
        guard next() == Int64(PredictionProfile.layout) else { return nil }
        predictions = next()
        calledTumor = next()
        uncertain = next()
        uncertainCalledTumor = next()
        for index in selected.indices { selected[index] = next() }
        neverDrawnCalledTumor = next()
        neverDrawnCalledNormal = next()
        white = next()
        inked = next()
        blurred = next()
        outsideScope = next()
        unknownScope = next()
        declaredScope = next()
        for bin in scores.indices { scores[bin] = next() }
        for statistic in MonitoredStatistic.allCases {
            let counts = (0...statistic.edges.count).map { _ in Int(next()) }
            histograms[statistic.rawValue] = FixedHistogram(edges: statistic.edges, allCounts: counts)
        }
        expectedTumorsCalled = Double(bitPattern: UInt64(bitPattern: next()))
        expectedTumorsMissed = Double(bitPattern: UInt64(bitPattern: next()))
    }
}
