package import CPatch

/// One lane's workspace: a network, a kernel, and room for all activations. Belongs to one thread.
public final class Classifier {
    public let network: Network
    /// The one asked for, or the portable one where this CPU lacks it.
    public let kernel: Kernel
    /// Patches whose linear layers are computed together; a longer call is done in slices of so many.
    public let capacity: Int

    public let augmentation: TestTimeAugmentation

    private let activations: NetworkActivations

    public init(
        _ network: Network, kernel: Kernel = .best, capacity: Int = 64, augmentation: TestTimeAugmentation = .none
    ) {
        (self.network, self.augmentation) = (network, augmentation)
        self.kernel = kernel.isSupported ? kernel : .portable
        self.capacity = max(capacity, 1)
        activations = NetworkActivations(network, patches: self.capacity)
    }

    /// What computes here.
    public var engine: Engine { Engine(network.arithmetic, kernel) }

    /// One answer a patch, in their order. An answer depends on the patch's pixels and the network alone: not on the
    /// kernel, the capacity or the other patches. A patch that is not of the network's size is refused before any work.
    public func classify(_ patches: [Patch]) throws(NetworkError) -> [LogProbabilities] {
        try classify(patches, embeddingOf: { _ in false }).map(\.probabilities)
    }

    /// The same, with the embeddings of the patches whose places are wanted.
    public func classify(_ patches: [Patch], embeddingOf isWanted: (Int) -> Bool) throws(NetworkError) -> [Answer] {
        let side = network.architecture.side
        if let index = patches.firstIndex(where: { $0.width != side || $0.height != side }) {
            let found = "\(patches[index].width)x\(patches[index].height)"
            throw NetworkError(.patchSize, "patch \(index) is \(found) pixels, \(side)x\(side) was expected")
        }
        let answers = classifyAsIs(patches, embeddingOf: isWanted)
        guard augmentation != .none else { return answers }
        var turns = answers.map { [$0.probabilities] }
        for symmetry in augmentation.symmetries.dropFirst() {
            let turned = classifyAsIs(patches.map { $0.turned(symmetry) }) { _ in false }
            for (index, answer) in turned.enumerated() { turns[index].append(answer.probabilities) }
        }
        return zip(answers, turns).map { answer, turns in
            Answer(probabilities: LogProbabilities(meanOf: turns), embedding: answer.embedding)
        }
    }

    private func classifyAsIs(_ patches: [Patch], embeddingOf isWanted: (Int) -> Bool) -> [Answer] {
        var answers: [Answer] = []
        answers.reserveCapacity(patches.count)
        network.parameters.withValues { parameters in
            for start in stride(from: 0, to: patches.count, by: capacity) {
                let slice = patches[start..<min(start + capacity, patches.count)]
                for (row, patch) in slice.enumerated() { convolve(patch, parameters, row: row) }
                answers += classifyFeatures(patches: slice.count, parameters) { isWanted(start + $0) }
            }
        }
        return answers
    }

    /// One patch through the convolutions, and flattened into row `row` of the features.
    private func convolve(_ patch: Patch, _ parameters: UnsafePointer<Float>, row: Int) {
        var pixels = activations.pixels
        for (index, layer) in network.architecture.convolutions.enumerated() {
            let place = network.parameters.convolutions[index]
            let isFirst = index == 0
            let convolution = patch_convolution(
                layer, inputStride: isFirst ? layer.inputChannels : Architecture.stride(of: layer.inputChannels),
                weights: parameters + place.weights, bias: parameters + place.bias)
            if isFirst {
                kernel.convolve(convolution, bytes: patch.rgb, room: pixels.input, pixels.output)
            } else if place.isTransformed {
                kernel.convolveTiles(convolution, pixels.input, room: activations.tiles, pixels.output)
            } else {
                kernel.convolve(convolution, pixels.input, pixels.output)
            }
            pixels.turn()
        }
        let last = network.architecture.convolutions[network.architecture.convolutions.count - 1]
        let features = activations.features + row * network.architecture.features
        patch_flatten(
            pixels.input, Int32(last.outputSide), Int32(last.outputChannels), Int32(last.outputStride), features)
    }

    /// The first `patches` rows of the features through the linear layers.
    private func classifyFeatures(
        patches: Int, _ parameters: UnsafePointer<Float>, embeddingOf isWanted: (Int) -> Bool
    ) -> [Answer] {
        var hidden = activations.hidden
        var embeddings = [[Float]?](repeating: nil, count: patches)
        var (input, inputStride) = (activations.features, network.architecture.features)
        let layers = network.architecture.linears
        for (index, layer) in layers.enumerated() {
            if index == layers.count - 1 {
                for row in 0..<patches where isWanted(row) {
                    embeddings[row] = Array(UnsafeBufferPointer(start: input + row * inputStride, count: layer.inputs))
                }
            }
            let place = network.parameters.linears[index]
            let linear = patch_linear(
                inputs: Int32(layer.inputs), input_stride: Int32(inputStride), outputs: Int32(layer.outputs),
                output_stride: Int32(layer.outputStride), rectified: index < layers.count - 1,
                weights: parameters + place.weights, bias: parameters + place.bias)
            kernel.apply(linear, patches: patches, input, hidden.output)
            hidden.turn()
            (input, inputStride) = (hidden.input, layer.outputStride)
        }
        return (0..<patches).map {
            Answer(probabilities: LogProbabilities(logits: input + $0 * inputStride), embedding: embeddings[$0])
        }
    }
}

/// What a network says of one patch.
public struct Answer: Sendable {
    public let probabilities: LogProbabilities
    /// Activations of the layer before the last for the patch as it is, [feature]; nil where they were not asked for.
    public let embedding: [Float]?
}

extension patch_convolution {
    /// `inputStride`: floats from one pixel of the input to the next.
    package init(
        _ layer: Architecture.Convolution, inputStride: Int, weights: UnsafePointer<Float>?, bias: UnsafePointer<Float>?
    ) {
        self.init(
            input_side: Int32(layer.inputSide), input_channels: Int32(layer.inputChannels),
            input_stride: Int32(inputStride), output_channels: Int32(layer.outputChannels),
            output_stride: Int32(layer.outputStride), kernel_side: Int32(layer.kernelSide), weights: weights, bias: bias
        )
    }
}
