import Monitoring

/// The labels of a subject's window, weighted by whom they stand for.
struct LabelAnswers {
    /// All labelled patches, `unassessable` ones and voluntary ones too.
    let all: [LabelledPatch]
    let unassessable: Int
    let voluntary: Int
    /// By `ReviewStratum`.
    let responses: [StratumResponse]
    /// Slides with a label that counts; nil where none is known.
    let slides: Int?
    let withoutSlide: Int
    let plainPatches: [AuditedPatch]
    let correctedPatches: [AuditedPatch]
    let plainTotals: SlideTotals
    let correctedTotals: SlideTotals
    let plainScores: [LabelledScore]
    let correctedScores: [LabelledScore]
    /// Weighted by selection alone: what the answers stand for before who did not answer is made up for.
    let selectedMatrix: ConfusionMatrix
    let silentCalledTumor: Double
    let silentCalledNormal: Double
    /// Of the corrected labels.
    let calibrationFit: CalibrationFit
    private let profile: PredictionProfile

    init(_ patches: [LabelledPatch], _ profile: PredictionProfile) {
        self.profile = profile
        all = patches
        unassessable = patches.count { $0.answer == .unassessable }
        voluntary = patches.count { $0.isVoluntary }
        responses = LabelAnswers.responses(patches.filter(\.isAsked), profile)
        // By falling score, in which every figure of ranks needs them.
        let judged = patches.filter { $0.answer != .unassessable }.sorted { $0.pTumor > $1.pTumor }
        let clusters = Clusters(judged)
        slides = clusters.slides > 0 ? clusters.slides : nil
        withoutSlide = clusters.withoutSlide
        let placed = zip(judged, clusters.numbers)
        plainPatches = placed.map { $0.audited(weight: 1, cluster: $1) }
        plainTotals = SlideTotals(plainPatches)
        plainScores = placed.map { $0.scored(weight: 1, cluster: $1) }
        let rates = responses.map(\.rate)
        let weighted = placed.filter { $0.0.isAsked }.compactMap { patch, cluster in
            patch.weight(rates).map { (patch, $0, cluster) }
        }
        correctedPatches = weighted.map { $0.0.audited(weight: $0.1, cluster: $0.2) }
        correctedTotals = SlideTotals(correctedPatches)
        correctedScores = weighted.map { $0.0.scored(weight: $0.1, cluster: $0.2) }
        var matrix = ConfusionMatrix()
        for patch in judged where patch.isAsked {
            matrix.add(
                isTumour: patch.answer == .tumor, isCalledTumour: patch.isCalledTumor,
                weight: 1 / patch.selectionProbability)
        }
        selectedMatrix = matrix
        (silentCalledTumor, silentCalledNormal) = LabelAnswers.silent(weighted.map { ($0.0, $0.1) })
        calibrationFit = Monitoring.calibrationFit(correctedScores)
    }

    private static func responses(_ asked: [LabelledPatch], _ profile: PredictionProfile) -> [StratumResponse] {
        var answered = [Int](repeating: 0, count: ReviewStratum.allCases.count)
        for patch in asked {
            if let stratum = patch.stratum { answered[stratum.rawValue] += 1 }
        }
        return ReviewStratum.allCases.map { stratum in
            StratumResponse(selected: Int(profile.selected[stratum.rawValue]), answered: answered[stratum.rawValue])
        }
    }

    /// Weight of the selected patches without an answer: what the answered ones of their stratum are raised by.
    private static func silent(_ weighted: [(patch: LabelledPatch, weight: Double)]) -> (Double, Double) {
        var (tumor, normal) = (0.0, 0.0)
        for (patch, weight) in weighted {
            let missing = weight - 1 / patch.selectionProbability
            if patch.isCalledTumor { tumor += missing } else { normal += missing }
        }
        return (tumor, normal)
    }

    var knowsSlides: Bool { slides != nil }

    /// Whether every stratum that was asked about has nine answers in ten.
    var isMature: Bool { responses.allSatisfy { $0.isMature ?? true } && responses.contains { $0.selected > 0 } }

    /// Why a corrected figure cannot be estimated from these labels; nil where it can.
    func trouble(_ figure: ConfusionFigure) -> String? {
        let needs: (tumor: Bool, normal: Bool) =
            switch figure {
            case .precision: (true, false)
            case .negativePredictiveValue: (false, true)
            default: (true, true)
            }
        if needs.tumor, profile.neverDrawnCalledTumor > 0 {
            return "\(profile.neverDrawnCalledTumor) predictions called tumor had no chance of being reviewed: give "
                + "them an audit rate"
        }
        if needs.normal, profile.neverDrawnCalledNormal > 0 {
            return "\(profile.neverDrawnCalledNormal) predictions called normal had no chance of being reviewed, so "
                + "what was missed is not known: give them an audit rate"
        }
        for stratum in ReviewStratum.allCases where responses[stratum.rawValue].selected > 0 {
            if responses[stratum.rawValue].answered == 0 {
                return "none of \(responses[stratum.rawValue].selected) selected patches (\(stratum.name)) is labelled"
            }
        }
        return nil
    }

    /// Why figures over these slides say little; nil where there are enough, or slides are not known.
    var fewSlides: String? {
        slides.flatMap { $0 < fewestSlides ? LabelAnswers.few($0, fewestSlides) : nil }
    }

    static func few(_ have: Int, _ need: Int) -> String {
        "\(have) slides with a label, and an interval needs \(need)"
    }

    /// Patches of equal weight that a corrected figure must be worth to be judged: an interval that few patches of great
    /// weight decide is too narrow (Korn and Graubard 1998).
    static let fewestEffective = 20.0

    /// Why a corrected figure cannot be judged although it can be given; nil where it can.
    func tooUneven(_ figure: ConfusionFigure) -> String? {
        let size = effectiveSize(of: figure, correctedPatches)
        guard size < LabelAnswers.fewestEffective else { return nil }
        let need = Int(LabelAnswers.fewestEffective)
        return "worth \(size.short) patches of equal weight, and a judgement needs \(need): "
            + "more labelled patches of the random sample"
    }

    /// Seconds to the answer, for those that have one.
    func delays(of stratum: ReviewStratum) -> (median: Double?, late: Double?) {
        let delays = all.filter { $0.stratum == stratum && !$0.isVoluntary }.map(\.delay).sorted()
        return (
            delays.isEmpty ? nil : delays[delays.count / 2],
            delays.count < 20 ? nil : delays[delays.count * 19 / 20]
        )
    }

    /// The labelled patches, each standing for the unlabelled ones of the same decision and call: a check of the weights.
    /// nil where a decision and call has no verified patch.
    var beggGreenes: SlideTotals? {
        let (uncertainTumor, allUncertain) = (Double(profile.uncertainCalledTumor), Double(profile.uncertain))
        let calledTumor = Double(profile.calledTumor)
        let certain = standingForAll(
            isUncertain: false, calledTumor: calledTumor - uncertainTumor,
            calledNormal: Double(profile.predictions) - calledTumor - allUncertain + uncertainTumor)
        guard profile.uncertain > 0 else { return certain.map { SlideTotals($0) } }
        let uncertain = standingForAll(
            isUncertain: true, calledTumor: uncertainTumor, calledNormal: allUncertain - uncertainTumor)
        return certain.flatMap { certain in uncertain.map { SlideTotals(certain + $0) } }
    }

    private func standingForAll(isUncertain: Bool, calledTumor: Double, calledNormal: Double) -> [AuditedPatch]? {
        let verified = all.enumerated().filter { _, patch in
            patch.isAsked && patch.answer != .unassessable && patch.isUncertain == isUncertain
        }.map { place, patch in
            var audited = patch.audited(weight: 1, cluster: patch.slide > 0 ? patch.slide : -1 - place)
            audited.stratum = isUncertain ? 1 : 0
            return audited
        }
        let matrix = SlideTotals(verified).matrix
        guard
            let check = BeggGreenes(
                verified: matrix,
                unverifiedCalledTumour: max(0, calledTumor - matrix.truePositives - matrix.falsePositives),
                unverifiedCalledNormal: max(0, calledNormal - matrix.falseNegatives - matrix.trueNegatives))
        else { return nil }
        return verified.map { patch in
            var patch = patch
            patch.weight = patch.isCalledTumour ? check.weightCalledTumour : check.weightCalledNormal
            return patch
        }
    }
}

extension CalibrationFit {
    /// nil where it cannot be fitted.
    var line: CalibrationLine? {
        if case .fitted(let line) = self { line } else { nil }
    }

    /// Why it cannot be fitted; nil where it can.
    var trouble: String? {
        switch self {
        case .fitted: nil
        case .separated: "one score splits the labels: the slope has no finite value"
        case .constantScores: "all scores are equal"
        case .oneClass: "only one class is labelled"
        case .notEnoughData(let have, let need): "\(have) slides with a label, and the line needs \(need)"
        case .notConverged: "the fit did not settle"
        }
    }
}

extension LabelledPatch {
    /// Patches it stands for; nil where nobody of its stratum answered, or it was not drawn.
    fileprivate func weight(_ rates: [Double?]) -> Double? {
        guard let stratum, let rate = rates[stratum.rawValue] else { return nil }
        return verificationWeight(selectionProbability: selectionProbability, responseRate: min(1, rate))
    }

    fileprivate func audited(weight: Double, cluster: Int) -> AuditedPatch {
        AuditedPatch(
            slide: cluster, stratum: stratum?.rawValue ?? ReviewStratum.allCases.count, isTumour: answer == .tumor,
            isCalledTumour: isCalledTumor, weight: weight)
    }

    fileprivate func scored(weight: Double, cluster: Int) -> LabelledScore {
        LabelledScore(score: pTumor, isTumour: answer == .tumor, weight: weight, slide: cluster)
    }
}

/// The clusters that patches lie in, numbered from 0: their slides, and each patch without one for itself.
private struct Clusters {
    /// Of each patch.
    private(set) var numbers: [Int] = []
    /// Slides that are known.
    private(set) var slides = 0
    private(set) var withoutSlide = 0

    init(_ patches: [LabelledPatch]) {
        var known: [Int: Int] = [:]
        numbers.reserveCapacity(patches.count)
        for patch in patches {
            guard patch.slide > 0 else {
                numbers.append(slides + withoutSlide)
                withoutSlide += 1
                continue
            }
            if let number = known[patch.slide] {
                numbers.append(number)
            } else {
                numbers.append(slides + withoutSlide)
                known[patch.slide] = slides + withoutSlide
                slides += 1
            }
        }
    }
}
