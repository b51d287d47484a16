/// Wilson's score interval of a share (Wilson 1927): `successes` of `trials` independent patches; nil without trials
/// or with successes outside 0...trials.
///
/// Patches of one slide are not independent: use `clusteredEstimate` for them.
public func wilsonInterval(successes: Double, trials: Double, level: Double = 0.95) -> ConfidenceInterval? {
    guard trials > 0, successes >= 0, successes <= trials else { return nil }
    let z = NormalDistribution.multiplier(level: level)
    let share = successes / trials
    let denominator = 1 + z * z / trials
    let centre = (share + z * z / (2 * trials)) / denominator
    let half = z / denominator * (share * (1 - share) / trials + z * z / (4 * trials * trials)).squareRoot()
    return ConfidenceInterval(
        lower: successes == 0 ? 0 : centre - half, upper: successes == trials ? 1 : centre + half, level: level)
}
