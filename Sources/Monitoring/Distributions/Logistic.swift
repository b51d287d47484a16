import Foundation

/// log(p / (1 - p)).
public func logit(_ probability: Double) -> Double { log(probability) - log1p(-probability) }

/// 1 / (1 + exp(-x)), without overflow on either side.
public func logistic(_ x: Double) -> Double {
    guard x < 0 else { return 1 / (1 + exp(-x)) }
    let e = exp(x)
    return e / (1 + e)
}
