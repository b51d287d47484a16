import Foundation

/// Regularised incomplete beta function I_x(a, b), the cumulative distribution of Beta(a, b) at x; nil outside
/// 0 <= x <= 1 or unless a and b are positive and finite.
///
/// Continued fraction 8.17.22 of the NIST Digital Library by the modified Lentz method. The power in front of it is
/// Loader's saddle-point form, so large a and b lose no digits to differences of log-gammas.
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
    let tiny = 1e-300
    var c = 1.0
    var d = 1 - (a + b) * x / (a + 1)
    d = 1 / (abs(d) < tiny ? tiny : d)
    var fraction = d
    for m in 1...100_000 {
        let i = Double(m)
        let even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i))
        let odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1))
        var step = 1.0
        for coefficient in [even, odd] {
            d = 1 + coefficient * d
            d = 1 / (abs(d) < tiny ? tiny : d)
            c = 1 + coefficient / c
            c = abs(c) < tiny ? tiny : c
            step = c * d
            fraction *= step
        }
        if abs(step - 1) < 1e-16 { break }
    }
    return betaPower(x, y, a, b) / a * fraction
}

/// x^a y^b / B(a, b) with y = 1 - x, which is a b / (a + b) times a binomial probability.
private func betaPower(_ x: Double, _ y: Double, _ a: Double, _ b: Double) -> Double {
    let n = a + b
    let correction = stirlingError(n) - stirlingError(a) - stirlingError(b)
    let exponent = correction - deviance(a, n * x) - deviance(b, n * y)
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
private func deviance(_ x: Double, _ np: Double) -> Double {
    let difference = x - np
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
