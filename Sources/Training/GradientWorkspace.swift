internal import CPatch
import PatchClassifier

/// Takes a few patches to their loss and back to the gradient of every parameter. Belongs to one thread.
///
/// What it computes depends on the patches, the parameters and the draws alone, so the same few give the same bits on
/// any thread.
struct GradientWorkspace {
    /// Patches that are taken together. Sums over a batch go first over so many, then over those sums.
    static let capacity = 8

    private let layout: ParameterLayout
    private let forward: ForwardWeights
    private let kernel: Kernel
    private let dropout: Double
    private let labelSmoothing: Double
    private let room: GradientActivations

    init(_ layout: ParameterLayout, _ forward: ForwardWeights, _ recipe: Recipe, kernel: Kernel) {
        (self.layout, self.forward, self.kernel) = (layout, forward, kernel)
        (dropout, labelSmoothing) = (recipe.dropout, recipe.labelSmoothing)
        room = GradientActivations(layout, patches: GradientWorkspace.capacity)
    }

    /// One patch of a step.
    struct Item {
        let sample: TrainingSample
        /// What its loss is multiplied by in the loss of the batch.
        let share: Double
        /// From which everything random about it is drawn.
        let random: RandomStream
    }

    /// Writes the gradient of the items' shared loss into `gradient`, and gives the negative log-likelihood of each.
    ///
    /// `parameters` are in the layout's order, `arranged` the same for the way forward.
    func run(
        _ items: ArraySlice<Item>, _ augmentation: Augmentation, parameters: UnsafePointer<Float>,
        arranged: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>
    ) -> [Double] {
        gradient.update(repeating: 0, count: layout.count)
        var streams: [RandomStream] = []
        for (row, item) in items.enumerated() {
            var random = item.random
            let patch = augmentation.apply(to: item.sample.patch, &random)
            patch_spread_bytes(patch.rgb, Int32(patch.rgb.count), room.pixels[row])
            convolve(row, arranged)
            streams.append(random)
        }
        applyLinears(&streams, arranged)
        let losses = loss(items)
        returnThroughLinears(items.count, parameters, zeros: arranged + forward.zeros, gradient)
        for row in 0..<items.count { returnThroughConvolutions(row, parameters, gradient) }
        // The first layer saw bytes, of which its weights make 255ths.
        let first = layout.convolutions[0]
        for index in first.weights..<first.bias { gradient[index] *= 1.0 / 255 }
        return losses
    }

    // MARK: The way forward

    private func convolve(_ row: Int, _ arranged: UnsafePointer<Float>) {
        var input = room.pixels[row]
        for (index, layer) in layout.convolutions.enumerated() {
            let (place, output) = (forward.convolutions[index], room.convolved[row][index])
            let convolution = patch_convolution(
                layer.shape, inputStride: layer.inputStride, weights: arranged + place.weights,
                bias: arranged + place.bias)
            kernel.convolve(convolution, input, output.output, choices: output.choices)
            input = output.output
        }
        guard let last = layout.convolutions.last, let linear = layout.linears.first else { return }
        patch_flatten(
            input, Int32(last.shape.outputSide), Int32(last.shape.outputChannels), Int32(last.shape.outputStride),
            room.features + row * linear.inputStride)
    }

    /// Dropout is inverted: what stays is divided by the share that stays, so that nothing is to be done when classifying.
    private func applyLinears(_ streams: inout [RandomStream], _ arranged: UnsafePointer<Float>) {
        var (input, inputStride) = (room.features, layout.linears.first?.inputStride ?? 0)
        for (index, layer) in layout.linears.enumerated() {
            let (place, outputStride) = (forward.linears[index], Architecture.stride(of: layer.shape.outputs))
            let isLast = index == layout.linears.count - 1
            let linear = patch_linear(
                inputs: Int32(layer.shape.inputs), input_stride: Int32(inputStride),
                outputs: Int32(layer.shape.outputs),
                output_stride: Int32(outputStride), rectified: !isLast, weights: arranged + place.weights,
                bias: arranged + place.bias)
            kernel.apply(linear, patches: streams.count, input, room.hidden[index])
            (input, inputStride) = (room.hidden[index], outputStride)
            guard !isLast, dropout > 0 else { continue }
            for row in streams.indices {
                for unit in 0..<layer.shape.outputs {
                    input[row * outputStride + unit] *= streams[row].unit() < dropout ? 0 : keepScale
                }
            }
        }
    }

    private var keepScale: Float { Float(1 / (1 - dropout)) }

    /// Negative log-likelihoods, and the gradient by the outputs of the last layer: the probability of a class, less its
    /// share in the label. A smoothed label gives the other class half of the smoothing (Szegedy et al., *Rethinking the
    /// Inception Architecture for Computer Vision*, CVPR 2016).
    private func loss(_ items: ArraySlice<Item>) -> [Double] {
        let logits = room.hidden[layout.linears.count - 1], stride = Architecture.stride(of: Architecture.classes)
        let ofOther = labelSmoothing / 2
        return items.enumerated().map { row, item in
            let answer = LogProbabilities(logits: logits + row * stride)
            let (own, other) =
                item.sample.isTumor ? (answer.tumor, answer.normal) : (answer.normal, answer.tumor)
            let byOther = Float(item.share * (exponential(Double(other)) - ofOther))
            let gradient = room.linearGradients.0 + row * stride
            gradient.update(repeating: 0, count: stride)
            gradient[item.sample.isTumor ? 1 : 0] = -byOther
            gradient[item.sample.isTumor ? 0 : 1] = byOther
            return -((1 - ofOther) * Double(own) + ofOther * Double(other))
        }
    }

    // MARK: The way back

    /// Leaves the gradient by the features in the first of the gradients' turns.
    private func returnThroughLinears(
        _ patches: Int, _ parameters: UnsafePointer<Float>, zeros: UnsafePointer<Float>,
        _ gradient: UnsafeMutablePointer<Float>
    ) {
        let (output, input) = room.linearGradients
        for (index, layer) in layout.linears.enumerated().reversed() {
            let outputStride = Architecture.stride(of: layer.shape.outputs)
            let inputs = index == 0 ? room.features : room.hidden[index - 1]
            patch_transpose(
                output, Int32(patches), Int32(layer.shape.outputs), Int32(outputStride), 1, room.transposed,
                Int32(patches))
            // Every output of a layer is a patch here, and every patch an input.
            let byWeights = patch_linear(
                inputs: Int32(patches), input_stride: Int32(patches), outputs: Int32(layer.shape.inputs),
                output_stride: Int32(layer.inputStride), rectified: false, weights: inputs, bias: zeros)
            kernel.apply(byWeights, patches: layer.shape.outputs, room.transposed, gradient + layer.weights)
            for row in 0..<patches {
                for unit in 0..<layer.shape.outputs { gradient[layer.bias + unit] += output[row * outputStride + unit] }
            }
            let byInputs = patch_linear(
                inputs: Int32(layer.shape.outputs), input_stride: Int32(outputStride),
                outputs: Int32(layer.shape.inputs), output_stride: Int32(layer.inputStride), rectified: false,
                weights: parameters + layer.weights, bias: zeros)
            kernel.apply(byInputs, patches: patches, output, input)
            let scale = index == 0 ? 1 : keepScale
            for place in 0..<patches * layer.inputStride {
                output[place] = index == 0 || inputs[place] > 0 ? input[place] * scale : 0
            }
        }
    }

    private func returnThroughConvolutions(
        _ row: Int, _ parameters: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
    ) {
        guard let last = layout.convolutions.last, let linear = layout.linears.first else { return }
        var (output, input) = room.mapGradients
        patch_unflatten(
            room.linearGradients.0 + row * linear.inputStride, Int32(last.shape.outputSide),
            Int32(last.shape.outputChannels), Int32(last.shape.outputStride), output)
        for (index, layer) in layout.convolutions.enumerated().reversed() {
            let convolved = room.convolved[row][index]
            let inputs = index == 0 ? room.pixels[row] : room.convolved[row][index - 1].output
            kernel.route(layer.gradient, convolved, by: output, room)
            kernel.addWeightGradient(layer.gradient, room, inputs, gradient + layer.weights, gradient + layer.bias)
            guard index > 0 else { return }
            input.update(repeating: 0, count: layer.shape.inputSide * layer.shape.inputSide * layer.inputStride)
            kernel.addInputGradient(layer.gradient, room, parameters + layer.weights, input)
            swap(&output, &input)
        }
    }
}

extension Kernel {
    fileprivate func route(
        _ layer: patch_convolution_gradient, _ convolved: GradientActivations.Convolved,
        by gradient: UnsafePointer<Float>, _ room: GradientActivations
    ) {
        withUnsafePointer(to: layer) {
            patch_route($0, convolved.choices, convolved.output, gradient, room.routed, room.counts)
        }
    }

    fileprivate func addWeightGradient(
        _ layer: patch_convolution_gradient, _ room: GradientActivations, _ input: UnsafePointer<Float>,
        _ weights: UnsafeMutablePointer<Float>, _ bias: UnsafeMutablePointer<Float>
    ) {
        withUnsafePointer(to: layer) { layer in
            switch self {
            case .portable: patch_weight_gradient_portable(layer, room.routed, room.counts, input, weights, bias)
            case .avx2, .avx512: patch_weight_gradient_avx2(layer, room.routed, room.counts, input, weights, bias)
            }
        }
    }

    fileprivate func addInputGradient(
        _ layer: patch_convolution_gradient, _ room: GradientActivations, _ weights: UnsafePointer<Float>,
        _ input: UnsafeMutablePointer<Float>
    ) {
        withUnsafePointer(to: layer) { layer in
            switch self {
            case .portable: patch_input_gradient_portable(layer, room.routed, room.counts, weights, input)
            case .avx2, .avx512: patch_input_gradient_avx2(layer, room.routed, room.counts, weights, input)
            }
        }
    }
}
