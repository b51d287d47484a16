/// A monitored figure and the side on which a deviation is an alarm.
public struct MonitoredFigure: Sendable, Equatable, Codable {
    public enum Side: String, Sendable, Codable {
        /// Alarm when it falls, as with recall.
        case low
        /// Alarm when it rises, as with a distance to the reference.
        case high
        /// Alarm when it falls or rises, as with the decision rate.
        case both
    }

    public var name: String
    public var side: Side

    public init(_ name: String, side: Side) {
        self.name = name
        self.side = side
    }
}

/// How often a family of figures may alarm while nothing has changed.
public struct FalseAlarmBudget: Sendable, Equatable, Codable {
    /// Days between two looks at windows that share no slide.
    public var windowDays: Double
    /// Days between false alarms of the whole family, on average: 30.4 is one a month.
    public var daysBetweenFalseAlarms: Double

    public init(windowDays: Double, daysBetweenFalseAlarms: Double) {
        self.windowDays = windowDays
        self.daysBetweenFalseAlarms = daysBetweenFalseAlarms
    }

    /// Probability that any figure alarms in one window; nil unless 0 < window < days between false alarms.
    public var ratePerWindow: Double? {
        guard windowDays > 0, windowDays < daysBetweenFalseAlarms else { return nil }
        return windowDays / daysBetweenFalseAlarms
    }
}

/// A figure's alarm limits: an alarm is a value strictly below `lower` or strictly above `upper`. A watched side has no
/// limit where the resampled figure never varied: the reference then cannot say what is usual.
public struct AlarmLimits: Sendable, Equatable, Codable {
    public var name: String
    public var lower: Double?
    public var upper: Double?
    /// Share of resampled windows in which the figure was undefined; such a window does not alarm.
    public var undefinedShare: Double

    public func isAlarm(_ value: Double) -> Bool {
        lower.map { value < $0 } ?? false || upper.map { value > $0 } ?? false
    }
}

/// Limits of a family of figures.
public struct FamilyThresholds: Sendable, Equatable, Codable {
    public var limits: [AlarmLimits]
    /// Share of resampled windows in which any figure alarms, at most the budget's.
    public var ratePerWindow: Double
    /// The same for each side of each figure alone.
    public var ratePerSide: Double
    public var resamples: Int
}

/// What resampling comes to.
public enum ThresholdResult: Sendable, Equatable {
    case thresholds(FamilyThresholds)
    /// Slides of the reference, or of the window.
    case notEnoughSlides(have: Int, need: Int)
    /// The budget is a rarer event than so many resamples can show.
    case notEnoughResamples(have: Int, need: Int)
    /// The budget's window is not shorter than the time between false alarms, or there are no figures.
    case noBudget
}

/// Limits of every figure such that the whole family alarms as often as the budget allows while nothing changes.
///
/// Each resample draws, with replacement, whole slides of the reference twice: as many as the window has, and as many
/// as the reference has. So slides stay clusters, and figures that compare the two vary by the error of both. A window is
/// small and drawn anew each time; the reference is drawn so many times and then again in turn. Give a level, such as a decision rate, as its difference from the reference's: alone it leaves out the reference's error,
/// and alarms come too often.
///
/// The false alarms are controlled over the family by the smallest rank (Westfall and Young 1993, single-step min-P):
/// one tail rate for all sides of all figures, the largest at which the share of resamples with any alarm is within the
/// budget. It needs no common scale, which a maximum of standardised figures would, and skewed distances beside shares
/// have none; unlike Bonferroni's it loses nothing where figures move together.
///
/// - Parameters:
///   - resamples: 2000 puts about 66 alarms behind a budget of one window in thirty.
///   - references: how many times the reference is drawn.
///   - reference: what `compute` compares with, from the numbers of its slides (0..<referenceSlides, with repeats).
///   - compute: the figures' values, in their order, from the numbers of a window's slides; nil where one is undefined.
public func resampledThresholds<Reference>(
    for figures: [MonitoredFigure], budget: FalseAlarmBudget, referenceSlides: Int, windowSlides: Int,
    resamples: Int = 2000, references: Int = 200, seed: UInt64 = 1, reference: ([Int]) -> Reference,
    compute: (_ window: [Int], _ reference: Reference) -> [Double?]
) -> ThresholdResult {
    guard let rate = budget.ratePerWindow, !figures.isEmpty else { return .noBudget }
    let fewest = min(referenceSlides, windowSlides)
    guard fewest >= fewestSlides else { return .notEnoughSlides(have: fewest, need: fewestSlides) }
    let enough = Int((10 / rate).rounded(.up))
    guard resamples >= enough else { return .notEnoughResamples(have: resamples, need: enough) }

    var random = SplitMix64(seed: seed)
    func drawn(_ slides: Int) -> [Int] { (0..<slides).map { _ in random.index(below: referenceSlides) } }
    let pool = (0..<max(1, min(references, resamples))).map { _ in reference(drawn(referenceSlides)) }
    var columns = [[Double?]](repeating: [], count: figures.count)
    for resample in 0..<resamples {
        let values = compute(drawn(windowSlides), pool[resample % pool.count])
        precondition(values.count == figures.count, "one value for each figure")
        for (figure, value) in values.enumerated() { columns[figure].append(value.flatMap { $0.isNaN ? nil : $0 }) }
    }
    let tails = figures.indices.flatMap { index in
        ResampledTail.tails(of: figures[index], index: index, values: columns[index])
    }
    guard let (rank, share) = largestRank(tails, resamples: resamples, rate: rate) else {
        return .notEnoughResamples(have: resamples, need: 2 * resamples)
    }
    let limits = figures.indices.map { index in
        let own = tails.filter { $0.figure == index }
        return AlarmLimits(
            name: figures[index].name, lower: own.first { $0.sign < 0 }?.limit(rank: rank),
            upper: own.first { $0.sign > 0 }?.limit(rank: rank),
            undefinedShare: Double(columns[index].count { $0 == nil }) / Double(resamples))
    }
    return .thresholds(
        FamilyThresholds(
            limits: limits, ratePerWindow: share, ratePerSide: Double(rank) / Double(resamples + 1),
            resamples: resamples))
}

/// Largest r such that, with the r-th most extreme resample of each side as its limit, a new window is beyond any of
/// them at most at the rate; nil if there is none. A resample counts as beyond when its rank is r or better: it stands
/// for a new window, which is beyond the r-th of B exchangeable ones with probability r / (B + 1).
private func largestRank(_ tails: [ResampledTail], resamples: Int, rate: Double) -> (rank: Int, share: Double)? {
    var best = [Int](repeating: .max, count: resamples)
    for tail in tails {
        for (resample, rank) in tail.ranks.enumerated() { best[resample] = min(best[resample], rank) }
    }
    best.sort()
    let allowed = Int(rate * Double(resamples + 1))
    guard allowed > 0 else { return nil }
    // With r at most one below the best rank just outside the allowed number, no more than those are at r or better.
    let rank = allowed < resamples ? best[allowed] - 1 : best[resamples - 1]
    guard rank >= 1, rank < resamples else { return nil }
    return (rank, Double(best.count { $0 <= rank }) / Double(resamples))
}

/// The resampled values of one side of one figure.
private struct ResampledTail {
    let figure: Int
    /// 1 for the upper side, -1 for the lower.
    let sign: Double
    /// Rank of each resample from the most extreme, 1; tied ones share their last, as a value equal to a limit is no
    /// alarm.
    let ranks: [Int]
    /// Signed values, most extreme first.
    private let sorted: [Double]

    static func tails(of figure: MonitoredFigure, index: Int, values: [Double?]) -> [ResampledTail] {
        switch figure.side {
        case .low: [ResampledTail(index, -1, values)]
        case .high: [ResampledTail(index, 1, values)]
        case .both: [ResampledTail(index, -1, values), ResampledTail(index, 1, values)]
        }
    }

    private init(_ figure: Int, _ sign: Double, _ values: [Double?]) {
        self.figure = figure
        self.sign = sign
        let order = values.indices.filter { values[$0] != nil }
            .sorted { sign * (values[$0] ?? 0) > sign * (values[$1] ?? 0) }
        sorted = order.map { sign * (values[$0] ?? 0) }
        var ranks = [Int](repeating: .max, count: values.count)
        for (place, resample) in order.enumerated().reversed() {
            let isTied = place + 1 < order.count && sorted[place] == sorted[place + 1]
            ranks[resample] = isTied ? ranks[order[place + 1]] : place + 1
        }
        self.ranks = ranks
    }

    /// Nil where the figure was defined in fewer resamples or was the same in all.
    func limit(rank: Int) -> Double? {
        rank <= sorted.count && sorted.first != sorted.last ? sign * sorted[rank - 1] : nil
    }
}
