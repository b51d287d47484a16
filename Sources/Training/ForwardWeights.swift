internal import CPatch
import PatchClassifier

/// The parameters as the kernels of the way forward read them, in one array: see patch_network.h. They are arranged anew
/// after every step.
struct ForwardWeights: Sendable {
    struct Place: Sendable {
        let weights: Int
        let bias: Int
    }

    let convolutions: [Place]
    let linears: [Place]
    /// Zeros, as many as the widest layer has inputs: the bias of the way back.
    let zeros: Int
    let count: Int

    init(_ layout: ParameterLayout) {
        var end = 0
        func take(_ count: Int) -> Int {
            defer { end += (count + 15) / 16 * 16 }
            return end
        }
        convolutions = layout.convolutions.map { layer in
            let taps = layer.shape.kernelSide * layer.shape.kernelSide * layer.shape.inputChannels
            return Place(weights: take(taps * layer.shape.outputStride), bias: take(layer.shape.outputStride))
        }
        linears = layout.linears.map { layer in
            Place(weights: take(layer.shape.inputs * layer.shape.outputStride), bias: take(layer.shape.outputStride))
        }
        zeros = take(layout.linears.reduce(0) { max($0, $1.inputStride) })
        count = end
    }

    /// Arranges one layer, counted from the first convolution on. `target` was zero before the first call.
    func arrange(
        layer: Int, _ layout: ParameterLayout, from parameters: UnsafePointer<Float>,
        into target: UnsafeMutablePointer<Float>
    ) {
        if layer < convolutions.count {
            arrange(
                layout.convolutions[layer], convolutions[layer], scale: layer == 0 ? 1.0 / 255 : 1, parameters, target)
        } else {
            let linear = layout.linears[layer - convolutions.count], place = linears[layer - convolutions.count]
            patch_transpose(
                parameters + linear.weights, Int32(linear.shape.outputs), Int32(linear.shape.inputs),
                Int32(linear.inputStride), 1, target + place.weights, Int32(linear.shape.outputStride))
            (target + place.bias).update(from: parameters + linear.bias, count: linear.shape.outputs)
        }
    }

    private func arrange(
        _ layer: ParameterLayout.Convolution, _ place: Place, scale: Float, _ parameters: UnsafePointer<Float>,
        _ target: UnsafeMutablePointer<Float>
    ) {
        let (side, channels) = (layer.shape.kernelSide, layer.shape.inputChannels)
        for tap in 0..<side * side {
            patch_transpose(
                parameters + layer.weights + tap / side * layer.rowStride + tap % side * layer.inputStride,
                Int32(layer.shape.outputChannels), Int32(channels), Int32(side * layer.rowStride), scale,
                target + place.weights + tap * channels * layer.shape.outputStride, Int32(layer.shape.outputStride))
        }
        (target + place.bias).update(from: parameters + layer.bias, count: layer.shape.outputChannels)
    }
}
