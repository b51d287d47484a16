/// Why weights were refused; the message says what was found and what was expected, and never holds a value.
public struct WeightsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of refusal.
    public enum Code: String, Sendable, CaseIterable {
        case unreadable
        case unrecognizedFormat
        case tooLarge
        case truncated
        case trailingData
        case malformed
        case archive
        case checksumMismatch
        case forbiddenOpcode
        case forbiddenGlobal
        case notStateDict
        case unsupportedType
        case byteOrder
        case shape
        case storage
        case duplicateName
        case name
        case notFinite
        case noTensors
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// Text from a file as it may stand in a message: quoted, at most 80 characters, printable ASCII only.
func quoted(_ text: some StringProtocol) -> String {
    let shown = text.unicodeScalars.prefix(80).map { scalar in
        scalar.value >= 0x20 && scalar.value < 0x7F ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    }
    return "'" + shown.joined() + (text.unicodeScalars.count > 80 ? "…'" : "'")
}
