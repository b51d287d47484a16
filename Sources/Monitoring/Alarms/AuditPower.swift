/// Variance of a share over clustered patches against that over independent ones: 1 + (m - 1) rho (Kish 1965), with m
/// labelled tumour patches a slide and rho the intraclass correlation of being missed.
public func designEffect(tumourLabelsPerSlide m: Double, intraclassCorrelation rho: Double) -> Double {
    1 + max(0, m - 1) * rho
}

/// The audit that is to notice a fall of recall.
public struct AuditPower: Sendable, Equatable, Codable {
    /// Recall while nothing has changed, 0..<1.
    public var recall: Double
    /// Fall to be noticed, above 0 and below the recall.
    public var drop: Double
    /// One-sided false-alarm probability of the one test at the end.
    public var significance = 0.05
    /// Probability of noticing the fall.
    public var power = 0.8
    /// Share of tumours among audited patches.
    public var tumourShare: Double
    /// From `designEffect`, times the variance inflation of unequal weights if there is one.
    public var designEffect = 1.0
    /// Tumour patches behind the recall it is compared with; nil when that is taken as known.
    public var referenceTumours: Double?

    public init(recall: Double, drop: Double, tumourShare: Double) {
        self.recall = recall
        self.drop = drop
        self.tumourShare = tumourShare
    }

    /// Labelled tumour patches needed: the smallest n with z_a s_0 + z_b s_1 <= drop, where s_0 and s_1 are the standard
    /// errors of the difference before and after the fall, deff p (1 - p) / n and the reference's (Fleiss, Levin and
    /// Paik 2003, without continuity correction). Nil for settings out of range, or where the reference is too small
    /// to show the fall with any number of labels.
    public var tumourLabels: Double? {
        let fallen = recall - drop
        guard recall < 1, drop > 0, fallen > 0, designEffect >= 1, tumourShare > 0, tumourShare <= 1,
            let alpha = NormalDistribution.quantile(1 - significance), let beta = NormalDistribution.quantile(power),
            alpha.isFinite, beta.isFinite, alpha + beta > 0
        else { return nil }
        let before = recall * (1 - recall)
        let after = fallen * (1 - fallen)
        let ofReference = referenceTumours.map { before * designEffect / $0 } ?? 0
        func detects(_ n: Double) -> Bool {
            let null = (before * designEffect / n + ofReference).squareRoot()
            let changed = (after * designEffect / n + ofReference).squareRoot()
            return alpha * null + beta * changed <= drop
        }
        var high = 1.0
        while !detects(high) {
            high *= 2
            if high > 1e12 { return nil }
        }
        var low = high / 2
        while high - low > 1e-9 * high {
            let middle = (low + high) / 2
            if detects(middle) { high = middle } else { low = middle }
        }
        return high
    }

    /// Audited labels a week, of tumours and normals together, that notice the fall within this many weeks.
    public func labelsPerWeek(within weeks: Double) -> Double? {
        guard weeks > 0 else { return nil }
        return tumourLabels.map { $0 / tumourShare / weeks }
    }
}
