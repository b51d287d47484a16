import Foundation

/// Temperatures that `fittedTemperature` looks among: beyond them every score is the same, or 0 or 1.
public let fittedTemperatures = 0.05...20.0

/// The temperature by which log-odds are divided so that the labels are likeliest (Guo et al., *On Calibration of Modern
/// Neural Networks*, ICML 2017), to a relative 1e-12; scores are log-odds. Nil where no temperature of
/// `fittedTemperatures` is the best: one class only, or scores that split the labels.
public func fittedTemperature(_ patches: [LabelledScore]) -> Double? {
    let signed = patches.usable.map { (weight: $0.weight, margin: $0.isTumour ? $0.score : -$0.score) }
    /// The loss by the inverse temperature, which rises with it.
    func slope(_ inverse: Double) -> Double {
        signed.reduce(0) { $0 - $1.weight * $1.margin / (1 + exp(inverse * $1.margin)) }
    }
    var (low, high) = (1 / fittedTemperatures.upperBound, 1 / fittedTemperatures.lowerBound)
    guard slope(low) < 0, slope(high) > 0 else { return nil }
    while high - low > 1e-12 * high {
        let middle = (low + high) / 2
        if slope(middle) < 0 { low = middle } else { high = middle }
    }
    return 2 / (low + high)
}
