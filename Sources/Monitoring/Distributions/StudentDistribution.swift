import Foundation

/// Student's t distribution with a positive, not necessarily whole, number of degrees of freedom.
public enum StudentDistribution {
    /// P(T <= t); nil unless the degrees of freedom are positive.
    public static func cdf(_ t: Double, degreesOfFreedom df: Double) -> Double? {
        guard df > 0, !t.isNaN else { return nil }
        if df.isInfinite { return NormalDistribution.cdf(t) }
        let upper = tail(abs(t), df)
        return t < 0 ? upper : 1 - upper
    }

    /// t with P(T <= t) = p; nil outside 0...1, unless the degrees of freedom are positive, and past about 1e150.
    ///
    /// Newton's method between bounds, on logarithms of t and of a probability: the tail's, or, where p is near a
    /// half, that of lying between 0 and t, so that relative precision is kept at both ends.
    public static func quantile(_ p: Double, degreesOfFreedom df: Double) -> Double? {
        guard df > 0, p >= 0, p <= 1 else { return nil }
        if df.isInfinite { return NormalDistribution.quantile(p) }
        if p == 0 || p == 1 { return p == 0 ? -.infinity : .infinity }
        if p == 0.5 { return 0 }
        let outer = p < 0.5 ? p : 1 - p
        let size = outer > 0.25 ? solve(abs(p - 0.5), df, central, 1) : solve(outer, df, tail, -1)
        return size.map { p < 0.5 ? -$0 : $0 }
    }

    /// Multiplier of the standard error for a two-sided interval.
    static func multiplier(level: Double, degreesOfFreedom: Double) -> Double {
        -(quantile((1 - level) / 2, degreesOfFreedom: degreesOfFreedom) ?? -.infinity)
    }

    /// P(T > t) for t >= 0.
    private static func tail(_ t: Double, _ df: Double) -> Double {
        let whole = df + t * t
        return 0.5 * incompleteBeta(df / whole, complement: t / whole * t, df / 2, 0.5)
    }

    /// P(0 < T < t) for t >= 0.
    private static func central(_ t: Double, _ df: Double) -> Double {
        let whole = df + t * t
        return 0.5 * incompleteBeta(t / whole * t, complement: df / whole, 0.5, df / 2)
    }

    private static func density(_ t: Double, _ df: Double) -> Double {
        let constant = lgamma((df + 1) / 2) - lgamma(df / 2) - 0.5 * log(df * Double.pi)
        return exp(constant - (df + 1) / 2 * log1p(t * t / df))
    }

    /// t > 0 where the probability, which rises (direction 1) or falls (-1) in t, has the value sought.
    private static func solve(
        _ target: Double, _ df: Double, _ probability: (Double, Double) -> Double, _ direction: Double
    ) -> Double? {
        var low = -745.0
        var high = 709.0
        var u = 0.0
        for _ in 0..<200 {
            let t = exp(u)
            let p = probability(t, df)
            let miss = log(p / target)
            if miss * direction < 0 { low = u } else { high = u }
            let step = miss * p / (density(t, df) * t) * direction
            var next = u - step
            if !(next > low && next < high) { next = (low + high) / 2 }
            if abs(next - u) < 1e-16 * max(1, abs(u)) { break }
            u = next
        }
        let t = exp(u)
        return abs(probability(t, df) / target - 1) < 1e-9 ? t : nil
    }
}
