/// The shapes of weights that chain: every layer takes what the one before it gives.
struct LayerShapes {
    /// [output channels, input channels, side, side] each.
    let kernels: [[Int]]
    /// [outputs, inputs] each.
    let matrices: [[Int]]

    init(_ weights: Weights) throws(NetworkError) {
        let shapes = try Self.weightShapes(weights.tensors)
        kernels = Array(shapes.prefix { $0.count == 4 })
        matrices = Array(shapes.dropFirst(kernels.count))
        guard !kernels.isEmpty, !matrices.isEmpty else {
            throw NetworkError(
                .shapes,
                "the weights hold \(kernels.count) convolutions and then \(matrices.count) linear layers, "
                    + "at least one of each was expected")
        }
        try checkKernels()
        try checkMatrices()
    }

    /// The input sides that lead to the first linear layer. Pooling makes p pixels of 2p or 2p + 1, so going back
    /// through the layers a range of sides stays one range.
    func inputSides() throws(NetworkError) -> ClosedRange<Int> {
        let features = matrices[0][1], channels = kernels[kernels.count - 1][0]
        let pixels = features / channels
        let side = Int(Double(pixels).squareRoot())
        guard side >= 1, side * side * channels == features else {
            throw NetworkError(
                .shapes,
                "the first linear layer takes \(features) inputs, a square number of pixels times the \(channels) "
                    + "channels of the last convolution was expected")
        }
        var sides = side...side
        for kernel in kernels.reversed() {
            sides = (2 * sides.lowerBound + kernel[2] - 1)...(2 * sides.upperBound + kernel[2])
            guard sides.upperBound <= Architecture.largestSide else {
                throw NetworkError(
                    .tooLarge, "the input side would pass \(Architecture.largestSide) pixels, at most that was expected"
                )
            }
        }
        return sides
    }

    /// The shape of every weight, after checking that each is followed by its bias.
    private static func weightShapes(_ tensors: [Weights.Tensor]) throws(NetworkError) -> [[Int]] {
        guard tensors.count.isMultiple(of: 2) else {
            throw NetworkError(
                .shapes, "the weights hold \(tensors.count) tensors, pairs of a weight and its bias were expected")
        }
        var shapes: [[Int]] = []
        for index in stride(from: 0, to: tensors.count, by: 2) {
            let weight = tensors[index], bias = tensors[index + 1]
            guard weight.shape.count == 4 || weight.shape.count == 2, bias.shape == [weight.shape[0]] else {
                throw NetworkError(
                    .shapes,
                    "\(quoted(weight.name)) has shape \(weight.shape) and \(quoted(bias.name)) \(bias.shape), a weight "
                        + "[outputs, inputs] or [outputs, inputs, side, side] and its bias [outputs] were expected")
            }
            shapes.append(weight.shape)
        }
        return shapes
    }

    private func checkKernels() throws(NetworkError) {
        var channels = Architecture.inputChannels
        for (index, kernel) in kernels.enumerated() {
            guard kernel[1] == channels, kernel[2] == kernel[3] else {
                throw NetworkError(
                    .shapes,
                    "convolution \(index + 1) has shape \(kernel), [outputs, \(channels), side, side] was expected")
            }
            channels = kernel[0]
        }
    }

    private func checkMatrices() throws(NetworkError) {
        for index in matrices.indices.dropFirst() {
            let inputs = matrices[index - 1][0]
            guard matrices[index].count == 2, matrices[index][1] == inputs else {
                throw NetworkError(
                    .shapes, "linear layer \(index + 1) has shape \(matrices[index]), [outputs, \(inputs)] was expected"
                )
            }
        }
        guard matrices[matrices.count - 1][0] == Architecture.classes else {
            throw NetworkError(
                .shapes,
                "the last layer has \(matrices[matrices.count - 1][0]) outputs, \(Architecture.classes) were expected: "
                    + "normal and tumour")
        }
    }
}
