/// Why weights are no network, or a patch cannot be given to one. Nothing here is cured by trying again.
public struct NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// The tensors do not chain from an RGB patch to two classes.
        case shapes
        /// The requested side of the input does not lead to the first linear layer.
        case side
        /// Larger than the limits of `Architecture`.
        case tooLarge = "too_large"
        /// Weights so large that a sum could pass the range of float.
        case overflow
        /// A patch of another size than the network's input.
        case patchSize = "patch_size"
    }

    public let code: Code
    /// A sentence: what was found and what was expected.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var isTransient: Bool { false }
    public var description: String { message }
}
