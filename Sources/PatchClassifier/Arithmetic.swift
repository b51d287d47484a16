/// An order of operations, defined in patch_network.h. It is part of a model version: every kernel of it gives the same
/// bits, and another arithmetic gives others.
public enum Arithmetic: String, Sendable, CaseIterable {
    /// Every convolution as its definition says.
    case direct = "direct-1"
    /// 3x3 convolutions behind the first by Winograd's F(2x2, 3x3): half of the multiplications. An import refuses
    /// weights that it rounds otherwise than `direct-1` by more than 1e-4 of a probability.
    case winograd = "winograd-1"

    /// That of versions that are made now.
    public static let current = Arithmetic.winograd

    /// Whether it computes this convolution, the `place`th of the network, by tiles.
    func transforms(_ convolution: Architecture.Convolution, at place: Int) -> Bool {
        self == .winograd && place > 0 && convolution.kernelSide == 3
    }
}

/// What computed a prediction: an arithmetic, and the kernel that did it.
public struct Engine: Sendable, Equatable {
    public let arithmetic: Arithmetic
    public let kernel: Kernel

    public init(_ arithmetic: Arithmetic, _ kernel: Kernel = .best) {
        (self.arithmetic, self.kernel) = (arithmetic, kernel)
    }

    /// From its name, or from that of its arithmetic alone, for the best kernel of this CPU.
    public init?(named name: String) {
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let arithmetic = Arithmetic(rawValue: parts[0]) else { return nil }
        guard parts.count == 2 else {
            self.init(arithmetic)
            return
        }
        guard let kernel = Kernel(rawValue: parts[1]) else { return nil }
        self.init(arithmetic, kernel)
    }

    /// As it is stored with a prediction: `winograd-1/avx2`.
    public var name: String { "\(arithmetic.rawValue)/\(kernel.rawValue)" }
}
