/// Weights laid out for the kernels: immutable, and shared by all lanes.
public final class Network: Sendable {
    public let architecture: Architecture
    public let arithmetic: Arithmetic
    let parameters: NetworkParameters

    /// Refuses weights whose shapes do not chain, or that could overflow. `side` as in `Architecture`.
    public init(_ weights: Weights, side: Int? = nil, arithmetic: Arithmetic = .current) throws(NetworkError) {
        architecture = try Architecture(weights, side: side)
        try checkRange(of: weights, arithmetic)
        self.arithmetic = arithmetic
        parameters = NetworkParameters(weights, architecture, arithmetic)
    }
}

/// Refuses weights with which a partial sum could leave the range of float. No sum of a layer passes
/// |bias| + sum of |weight| x bound of its input; the bytes of a patch are at most 255, so 1 after scaling.
private func checkRange(of weights: Weights, _ arithmetic: Arithmetic) throws(NetworkError) {
    // A part of the range leaves room for rounding and for the difference of the two last sums; Winograd's inputs grow up to
    // four times, its outputs nine times, and its weights nine fourths.
    let most = Double(Float.greatestFiniteMagnitude) / (arithmetic == .direct ? 4 : 256)
    var bounds = [Double](repeating: 1, count: Architecture.inputChannels)
    for index in stride(from: 0, to: weights.tensors.count, by: 2) {
        let weight = weights.tensors[index]
        let inputs = weight.shape[1], taps = weight.shape.dropFirst(2).reduce(1, *)
        // Flattening is channel-major: the pixels of a channel, with its bound, follow one another.
        let pixels = inputs / bounds.count
        bounds = weights.tensors[index + 1].values.enumerated().map { output, bias in
            var bound = Double(bias.magnitude)
            for input in 0..<inputs {
                let first = (output * inputs + input) * taps
                for value in weight.values[first..<first + taps] {
                    bound += Double(value.magnitude) * bounds[input / pixels]
                }
            }
            return bound
        }
        let isTooLarge = arithmetic == .winograd && weight.values.contains { Double($0.magnitude) >= most }
        guard bounds.allSatisfy({ $0 < most }), !isTooLarge else {
            throw NetworkError(
                .overflow,
                "\(quoted(weight.name)) holds weights so large that a sum could pass the range of float32, those of a "
                    + "trained network were expected")
        }
    }
}
