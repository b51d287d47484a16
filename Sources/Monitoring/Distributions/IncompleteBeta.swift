import Foundation

/// Regularised incomplete beta function I_x(a, b), the cumulative distribution of Beta(a, b) at x; nil outside
/// 0 <= x <= 1 or unless a and b are positive and finite.
///
/// Didonato and Morris's continued fraction (1992, algorithm 708, BFRAC) by Lentz's method. The power in front of it
/// is Loader's saddle-point form, so large a and b lose no digits to differences of log-gammas.
public func regularizedIncompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double? {
    guard a > 0, b > 0, a.isFinite, b.isFinite, x >= 0, x <= 1 else { return nil }
    return incompleteBeta(x, complement: 1 - x, a, b)
}

/// The same with 1 - x given apart, for an x so close to 1 that the difference would lose digits.
func incompleteBeta(_ x: Double, complement y: Double, _ a: Double, _ b: Double) -> Double {
    if x <= 0 { return 0 }
    if y <= 0 { return 1 }
    guard x <= (a + 1) / (a + b + 2) else { return 1 - lowerFraction(y, complement: x, b, a) }
    return lowerFraction(x, complement: y, a, b)
}

/// I_x(a, b) where the fraction converges fast: x at most about the mean a / (a + b).
private func lowerFraction(_ x: Double, complement y: Double, _ a: Double, _ b: Double) -> Double {
    let distance = a * y - b * x + 1
    var fraction = a * distance / (a + 1)
    var c = fraction
    var d = 0.0
    for step in 1...100_000 {
        let m = Double(step)
        let divisor = a + 2 * m - 1
        let numerator = (a + m - 1) / divisor * ((a + b + m - 1) / divisor) * m * (b - m) * x * x
        let term = m + m * (b - m) * x / divisor + (a + m) * (distance + m * (2 - x)) / (divisor + 2)
        d = 1 / (term + numerator * d)
        c = term + numerator / c
        fraction *= c * d
        if abs(c * d - 1) < 2e-16 { break }
    }
    return betaPower(x, y, a, b) / fraction
}

/// x^a y^b / B(a, b) with y = 1 - x, which is a b / (a + b) times a binomial probability.
private func betaPower(_ x: Double, _ y: Double, _ a: Double, _ b: Double) -> Double {
    let n = a + b
    let correction = stirlingError(n) - stirlingError(a) - stirlingError(b)
    let difference = a * y - b * x  // a - n x, without cancelling large terms
    let exponent = correction - deviance(a, n * x, difference) - deviance(b, n * y, -difference)
    return exp(exponent) * (a / n * b / (2 * Double.pi)).squareRoot()
}

/// log(n!) less Stirling's approximation sqrt(2 pi n) (n/e)^n (Loader 2000, Fast and accurate computation of
/// binomial probabilities).
private func stirlingError(_ n: Double) -> Double {
    guard n >= 16 else { return lgamma(n + 1) - (n + 0.5) * log(n) + n - 0.5 * log(2 * Double.pi) }
    return stirlingSeries.reversed().reduce(0) { $0 / (n * n) + $1 } / n
}

/// B_2j / (2j (2j - 1)) with the Bernoulli numbers B_2j, j from 1.
private let stirlingSeries: [Double] = [
    0.083_333_333_333_333_333, -0.002_777_777_777_777_777_8, 7.936_507_936_507_936_5e-4, -5.952_380_952_380_952_4e-4,
    8.417_508_417_508_417_5e-4, -0.001_917_526_917_526_917_5, 0.006_410_256_410_256_410_3, -0.029_550_653_594_771_242,
]

/// Loader's deviance x log(x / np) + np - x, by its series where x is near np.
private func deviance(_ x: Double, _ np: Double, _ difference: Double) -> Double {
    guard abs(difference) < 0.1 * (x + np) else { return x * log(x / np) - difference }
    let v = difference / (x + np)
    var sum = difference * v
    var power = 2 * x * v
    for j in 1..<1000 {
        power *= v * v
        let next = sum + power / Double(2 * j + 1)
        if next == sum { break }
        sum = next
    }
    return sum
}
