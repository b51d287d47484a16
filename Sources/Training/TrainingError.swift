/// Why a network cannot be trained, in one sentence.
public struct TrainingError: Error, CustomStringConvertible, Equatable {
    public enum Code: String, Sendable {
        case recipe, data, network, diverged, checkpoint
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        (self.code, self.message) = (code, message)
    }

    public var description: String { message }
}
