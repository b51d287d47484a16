internal import CPatch

/// All weights and biases in one array, as the kernels read them, and where each layer's lie.
struct NetworkParameters: Sendable {
    /// Floats of one layer: weights [ky][kx][input][output stride] or [input][output stride], bias [output stride].
    struct Place: Sendable {
        let weights: Int
        let bias: Int
        /// The weights are those of `winograd-1`: [place][input][output stride].
        var isTransformed = false
    }

    let convolutions: [Place]
    let linears: [Place]
    /// From `first` on, where a cache line begins; before it nothing.
    private let values: [Float]
    private let first: Int

    /// The first layer's weights are multiplied by 1/255, so that bytes go in as they are.
    init(_ weights: Weights, _ architecture: Architecture, _ arithmetic: Arithmetic) {
        var packed: [Float] = []
        var places: [Place] = []
        for index in stride(from: 0, to: weights.tensors.count, by: 2) {
            let start = packed.count
            let weight = weights.tensors[index]
            let isTransformed =
                index < 2 * architecture.convolutions.count
                && arithmetic.transforms(architecture.convolutions[index / 2], at: index / 2)
            packed += interleaved(isTransformed ? transformed(weight) : weight, scale: index == 0 ? 1.0 / 255 : 1)
            places.append(Place(weights: start, bias: packed.count, isTransformed: isTransformed))
            packed += padded(weights.tensors[index + 1].values)
        }
        convolutions = Array(places.prefix(architecture.convolutions.count))
        linears = Array(places.dropFirst(architecture.convolutions.count))
        (values, first) = alignedToCacheLine(packed)
    }

    /// Calls `body` with the first parameter, from which places count.
    func withValues(_ body: (UnsafePointer<Float>) -> Void) {
        values.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            body(start + first)
        }
    }
}

/// [output][input][tap] to [tap][input][output stride], each value multiplied by `scale`.
private func interleaved(_ tensor: Weights.Tensor, scale: Float) -> [Float] {
    let outputs = tensor.shape[0], inputs = tensor.shape[1], taps = tensor.shape.dropFirst(2).reduce(1, *)
    let outputStride = Architecture.stride(of: outputs)
    var result = [Float](repeating: 0, count: taps * inputs * outputStride)
    for output in 0..<outputs {
        for input in 0..<inputs {
            for tap in 0..<taps {
                result[(tap * inputs + input) * outputStride + output] =
                    tensor.values[(output * inputs + input) * taps + tap] * scale
            }
        }
    }
    return result
}

/// Kernels of 3x3 as the 4x4 places that `winograd-1` multiplies with.
private func transformed(_ tensor: Weights.Tensor) -> Weights.Tensor {
    let places = Int(PATCH_WINOGRAD_PLACES)
    let values = stride(from: 0, to: tensor.values.count, by: 9).flatMap { start in
        [Float](unsafeUninitializedCapacity: places) { target, count in
            tensor.values.withUnsafeBufferPointer { kernels in
                guard let first = kernels.baseAddress else { return }
                patch_winograd_weights(first + start, target.baseAddress)
                count = places
            }
        }
    }
    return Weights.Tensor(name: tensor.name, shape: [tensor.shape[0], tensor.shape[1], 4, 4], values: values)
}

private func padded(_ bias: [Float]) -> [Float] {
    bias + [Float](repeating: 0, count: Architecture.stride(of: bias.count) - bias.count)
}

/// The values in an array that is never moved, and the index of the first, where a cache line begins: a vector that
/// straddles two lines loads at half the speed.
private func alignedToCacheLine(_ values: [Float]) -> ([Float], Int) {
    let line = 64, spare = line / MemoryLayout<Float>.stride
    var first = 0
    let aligned = [Float](unsafeUninitializedCapacity: values.count + spare) { buffer, count in
        buffer.initialize(repeating: 0)
        count = buffer.count
        guard let start = buffer.baseAddress else { return }
        first = (line - Int(bitPattern: start) % line) % line / MemoryLayout<Float>.stride
        for (index, value) in values.enumerated() { buffer[first + index] = value }
    }
    return (aligned, first)
}
