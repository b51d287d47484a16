internal import CPatch
import PatchClassifier

/// Where the parameters of each layer lie in one array, as training keeps them: a row an output, so that the way back
/// reads and writes runs of inputs. Weights of a convolution are [output][ky][row stride], of a linear layer
/// [output][input stride]; strides are multiples of 8, and what is behind the inputs is zero. A bias is [output stride].
struct ParameterLayout: Sendable {
    struct Convolution: Sendable {
        let shape: Architecture.Convolution
        /// Floats from one pixel of the input to the next.
        let inputStride: Int
        /// Floats of one row of taps.
        let rowStride: Int
        let weights: Int
        let bias: Int

        /// What the kernels of the way back need to know.
        var gradient: patch_convolution_gradient {
            patch_convolution_gradient(
                input_side: Int32(shape.inputSide), input_stride: Int32(inputStride),
                output_channels: Int32(shape.outputChannels), output_stride: Int32(shape.outputStride),
                kernel_side: Int32(shape.kernelSide), row_stride: Int32(rowStride))
        }
    }

    struct Linear: Sendable {
        let shape: Architecture.Linear
        let inputStride: Int
        let weights: Int
        let bias: Int
    }

    let architecture: Architecture
    let convolutions: [Convolution]
    let linears: [Linear]
    /// Floats in all, a multiple of 16, so that one copy behind another begins on a cache line too.
    let count: Int

    init(_ architecture: Architecture) {
        self.architecture = architecture
        var end = 0
        func take(_ count: Int) -> Int {
            defer { end += (count + 15) / 16 * 16 }
            return end
        }
        var inputStride = Architecture.inputChannels
        convolutions = architecture.convolutions.map { shape in
            defer { inputStride = shape.outputStride }
            let rowStride = Int(patch_tap_row_stride(Int32(shape.kernelSide), Int32(inputStride)))
            return Convolution(
                shape: shape, inputStride: inputStride, rowStride: rowStride,
                weights: take(shape.outputChannels * shape.kernelSide * rowStride), bias: take(shape.outputStride))
        }
        linears = architecture.linears.map { shape in
            let inputStride = Architecture.stride(of: shape.inputs)
            return Linear(
                shape: shape, inputStride: inputStride, weights: take(shape.outputs * inputStride),
                bias: take(shape.outputStride))
        }
        count = end
    }
}

extension ParameterLayout {
    /// The values of `weights`, which are of this architecture, in this layout.
    func parameters(of weights: Weights) -> [Float] {
        var parameters = [Float](repeating: 0, count: count)
        for (place, tensor) in zip(places, weights.tensors) {
            for (from, to) in place.indices.enumerated() { parameters[to] = tensor.values[from] }
        }
        return parameters
    }

    /// The parameters as tensors of the given names, two a layer.
    func weights(_ parameters: UnsafePointer<Float>, named names: [String]) throws(WeightsError) -> Weights {
        try Weights(
            tensors: zip(names, places).map { name, place in
                Weights.Tensor(name: name, shape: place.shape, values: place.indices.map { parameters[$0] })
            })
    }

    /// A tensor of the file and where each of its values lies, in the order of the file.
    private struct Place {
        let shape: [Int]
        let indices: [Int]

        static func bias(_ outputs: Int, at start: Int) -> Place {
            Place(shape: [outputs], indices: Array(start..<start + outputs))
        }
    }

    private var places: [Place] {
        convolutions.flatMap { layer in
            [place(of: layer), .bias(layer.shape.outputChannels, at: layer.bias)]
        }
            + linears.flatMap { layer in
                [place(of: layer), .bias(layer.shape.outputs, at: layer.bias)]
            }
    }

    private func place(of layer: Convolution) -> Place {
        let side = layer.shape.kernelSide
        var indices: [Int] = []
        for output in 0..<layer.shape.outputChannels {
            for input in 0..<layer.shape.inputChannels {
                for tap in 0..<side * side {
                    let row = layer.weights + (output * side + tap / side) * layer.rowStride
                    indices.append(row + tap % side * layer.inputStride + input)
                }
            }
        }
        return Place(shape: [layer.shape.outputChannels, layer.shape.inputChannels, side, side], indices: indices)
    }

    private func place(of layer: Linear) -> Place {
        let indices = (0..<layer.shape.outputs).flatMap { output in
            let row = layer.weights + output * layer.inputStride
            return row..<row + layer.shape.inputs
        }
        return Place(shape: [layer.shape.outputs, layer.shape.inputs], indices: indices)
    }
}
