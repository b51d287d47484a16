internal import CPatch

/// What the network says of one patch: natural logarithms of the probabilities of its two classes.
public struct LogProbabilities: Sendable, Equatable {
    public let normal: Float
    public let tumor: Float

    public init(normal: Float, tumor: Float) {
        self.normal = normal
        self.tumor = tumor
    }

    /// Log-softmax of the network's two outputs, normal then tumour.
    package init(logits: UnsafePointer<Float>) {
        var values = (normal: Float(0), tumor: Float(0))
        patch_log_probabilities(logits, &values.normal, &values.tumor)
        self.init(normal: values.normal, tumor: values.tumor)
    }

    /// Of the mean of the answers' log-odds.
    init(meanOf answers: [LogProbabilities]) {
        self.init(logOdds: answers.reduce(0) { $0 + $1.logOdds } / Double(answers.count))
    }

    private init(logOdds: Double) {
        let e = exponential(-abs(logOdds)), likelier = -logarithmOfOnePlus(e)
        let other = likelier - abs(logOdds)
        self.init(normal: Float(logOdds > 0 ? other : likelier), tumor: Float(logOdds > 0 ? likelier : other))
    }

    /// ln(p / (1 - p)) of tumour.
    public var logOdds: Double { Double(tumor) - Double(normal) }

    /// The probability of tumour once the log-odds are divided by `temperature`, which is positive.
    public func pTumor(at temperature: Float) -> Float {
        let scaled = logOdds / Double(temperature)
        let e = exponential(-abs(scaled))
        return Float(scaled >= 0 ? 1 / (1 + e) : e / (1 + e))
    }

    /// e^tumor, the same on every CPU. A logarithm of a probability is at most 0.
    public var pTumor: Float { Float(exponential(Double(min(tumor, 0)))) }
}

/// e^x for x <= 0, within 1e-15 of it, and 0 below -708.
package func exponential(_ x: Double) -> Double { patch_exp(x) }

/// ln(1 + x) for x of 0 to 1, within 1e-15 of it.
package func logarithmOfOnePlus(_ x: Double) -> Double { patch_log1p(x) }
