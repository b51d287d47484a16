/// The shapes of a network, taken from its weights: convolutions, each followed by 2x2 max-pooling and ReLU, then
/// linear layers with ReLU between them, the last with two outputs: normal and tumour.
public struct Architecture: Sendable, Equatable {
    /// One convolution without padding. Sides in pixels.
    public struct Convolution: Sendable, Equatable {
        public let inputSide: Int
        public let inputChannels: Int
        public let outputChannels: Int
        public let kernelSide: Int

        /// After pooling, which drops an odd last row and column.
        public var outputSide: Int { (inputSide - kernelSide + 1) / 2 }
    }

    public struct Linear: Sendable, Equatable {
        public let inputs: Int
        public let outputs: Int
    }

    /// Red, green, blue.
    public static let inputChannels = 3
    /// Normal, tumour.
    public static let classes = 2
    /// The side that is taken where several lead to the same first linear layer.
    public static let usualSide = 96
    /// Largest input side, and most floats of one layer's output: beyond them no memory is ever taken.
    public static let largestSide = 2048
    public static let mostActivations = 1 << 24

    /// Side of the square input patch in pixels.
    public let side: Int
    public let convolutions: [Convolution]
    public let linears: [Linear]

    /// Tensors come in pairs, weight then bias: convolutions [output, input, kernel, kernel], then linear layers
    /// [output, input]. Pooling drops odd rows, so several input sides lead to the same linear layers: the side is the
    /// one given, else 96 where it fits, else the smallest even one that fits.
    public init(_ weights: Weights, side: Int? = nil) throws(NetworkError) {
        let layers = try LayerShapes(weights)
        let fitting = try layers.inputSides()
        self.side = side ?? (fitting.contains(Self.usualSide) ? Self.usualSide : (fitting.lowerBound + 1) / 2 * 2)
        guard fitting.contains(self.side) else {
            let sides = "\(fitting.lowerBound) to \(fitting.upperBound)"
            throw NetworkError(.side, "an input side of \(self.side) does not fit these weights, \(sides) was expected")
        }
        var convolutions: [Convolution] = []
        for kernel in layers.kernels {
            let convolution = Convolution(
                inputSide: convolutions.last?.outputSide ?? self.side, inputChannels: kernel[1],
                outputChannels: kernel[0], kernelSide: kernel[2])
            try Self.checkSize(of: convolution)
            convolutions.append(convolution)
        }
        self.convolutions = convolutions
        self.linears = layers.matrices.map { Linear(inputs: $0[1], outputs: $0[0]) }
    }

    private static func checkSize(of convolution: Convolution) throws(NetworkError) {
        let (floats, overflow) = (convolution.outputSide * convolution.outputSide)
            .multipliedReportingOverflow(by: convolution.outputStride)
        guard !overflow, floats <= mostActivations else {
            throw NetworkError(
                .tooLarge,
                "a layer gives \(convolution.outputChannels) channels of side \(convolution.outputSide), "
                    + "at most \(mostActivations) values were expected")
        }
    }
}

extension Architecture: CustomStringConvertible {
    /// The chain of shapes, such as `96x96x3 -> 47x47x8 -> ... -> 1024 -> 100 -> 2`.
    public var description: String {
        let maps = convolutions.map { "\($0.outputSide)x\($0.outputSide)x\($0.outputChannels)" }
        let widths = (linears.first.map { [$0.inputs] } ?? []) + linears.map(\.outputs)
        return (["\(side)x\(side)x\(Self.inputChannels)"] + maps + widths.map(String.init)).joined(separator: " -> ")
    }
}

extension Architecture {
    /// Outputs are stored in groups of eight, the width of the narrowest vector.
    package static func stride(of outputs: Int) -> Int { (outputs + 7) / 8 * 8 }

    /// Values of one flattened patch before the first linear layer.
    package var features: Int { linears[0].inputs }
    /// Activations before the last layer.
    public var embeddingSize: Int { linears.last?.inputs ?? 0 }
}

extension Architecture.Convolution {
    /// Floats from one pixel of the output to the next.
    package var outputStride: Int { Architecture.stride(of: outputChannels) }
}

extension Architecture.Linear {
    /// Floats from one patch's outputs to the next.
    package var outputStride: Int { Architecture.stride(of: outputs) }
}
