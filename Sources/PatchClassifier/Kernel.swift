package import CPatch

/// The instructions that a classifier computes with. All of them give the same bits.
public enum Kernel: String, Sendable, CaseIterable {
    /// Plain C, the oracle.
    case portable
    /// AVX2 and FMA: eight lanes.
    case avx2
    /// AVX-512F: sixteen lanes (the linear layers as in `avx2`).
    case avx512

    /// The fastest that this CPU has.
    public static var best: Kernel {
        [.avx512, .avx2].first { $0.isSupported } ?? .portable
    }

    /// Whether this CPU, and the operating system on it, can run it.
    public var isSupported: Bool {
        switch self {
        case .portable: true
        case .avx2: patch_has_avx2()
        case .avx512: patch_has_avx512()
        }
    }

    /// The first layer, from bytes; `room` as `patch_bytes_room` says.
    package func convolve(
        _ layer: patch_convolution, bytes: UnsafePointer<UInt8>, room: UnsafeMutablePointer<Float>,
        _ output: UnsafeMutablePointer<Float>
    ) {
        withUnsafePointer(to: layer) { layer in
            switch self {
            case .portable: patch_convolve_bytes_portable(layer, bytes, room, output)
            case .avx2: patch_convolve_bytes_avx2(layer, bytes, room, output)
            case .avx512: patch_convolve_bytes_avx512(layer, bytes, room, output)
            }
        }
    }

    /// By `winograd-1`; `room` as `patch_winograd_room` says.
    package func convolveTiles(
        _ layer: patch_convolution, _ input: UnsafePointer<Float>, room: UnsafeMutablePointer<Float>,
        _ output: UnsafeMutablePointer<Float>
    ) {
        withUnsafePointer(to: layer) { layer in
            switch self {
            case .portable: patch_winograd_portable(layer, input, room, output)
            case .avx2: patch_winograd_avx2(layer, input, room, output)
            case .avx512: patch_winograd_avx512(layer, input, room, output)
            }
        }
    }

    /// `choices`, where it is given, is told which of four sums each output was.
    package func convolve(
        _ layer: patch_convolution, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
        choices: UnsafeMutablePointer<Int32>? = nil
    ) {
        withUnsafePointer(to: layer) { layer in
            switch self {
            case .portable: patch_convolve_portable(layer, input, output, choices)
            case .avx2: patch_convolve_avx2(layer, input, output, choices)
            case .avx512: patch_convolve_avx512(layer, input, output, choices)
            }
        }
    }

    package func apply(
        _ layer: patch_linear, patches: Int, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>
    ) {
        withUnsafePointer(to: layer) { layer in
            switch self {
            case .portable: patch_linear_portable(layer, Int32(patches), input, output)
            case .avx2, .avx512: patch_linear_avx2(layer, Int32(patches), input, output)
            }
        }
    }
}
