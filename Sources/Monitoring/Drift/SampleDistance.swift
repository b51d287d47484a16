/// Two-sample Kolmogorov-Smirnov statistic, the largest difference of the empirical distribution functions. `have` and
/// `need` count values of the smaller sample; values that are no numbers are left out.
///
/// There is no p-value on purpose: it would hold for independent values, and patches of a slide are not.
/// `resampledThresholds` gives thresholds that allow for slides.
public func kolmogorovSmirnov(_ a: [Double], _ b: [Double]) -> Estimate<Double> {
    let (a, b) = (a.filter { !$0.isNaN }, b.filter { !$0.isNaN })
    guard !a.isEmpty, !b.isEmpty else { return .notEnoughData(have: min(a.count, b.count), need: 1) }
    return .value(distributionSteps(a, b).map { abs($0.difference) }.max() ?? 0)
}

/// First Wasserstein distance: the area between the empirical distribution functions, in the values' unit. `have` and
/// `need` count values of the smaller sample; values that are not finite are left out.
public func wasserstein(_ a: [Double], _ b: [Double]) -> Estimate<Double> {
    let (a, b) = (a.filter(\.isFinite), b.filter(\.isFinite))
    guard !a.isEmpty, !b.isEmpty else { return .notEnoughData(have: min(a.count, b.count), need: 1) }
    let steps = distributionSteps(a, b)
    return .value(
        zip(steps, steps.dropFirst()).reduce(0) { $0 + abs($1.0.difference) * ($1.1.value - $1.0.value) })
}

/// At each distinct value, a's distribution function less b's.
private func distributionSteps(_ a: [Double], _ b: [Double]) -> [(value: Double, difference: Double)] {
    let (a, b) = (a.sorted(), b.sorted())
    var (i, j) = (0, 0)
    var steps: [(value: Double, difference: Double)] = []
    while i < a.count || j < b.count {
        let value = min(i < a.count ? a[i] : .infinity, j < b.count ? b[j] : .infinity)
        while i < a.count, a[i] <= value { i += 1 }
        while j < b.count, b[j] <= value { j += 1 }
        steps.append((value, Double(i) / Double(a.count) - Double(j) / Double(b.count)))
    }
    return steps
}
