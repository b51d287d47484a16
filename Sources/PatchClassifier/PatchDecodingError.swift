internal import CPatch

/// Why one image was refused, or could not be decoded or encoded.
public struct PatchDecodingError: Error, Sendable, Equatable {
    /// The closed set of reasons; the raw values are the reason codes that are stored and announced.
    public enum Code: String, Sendable, CaseIterable {
        /// There are no bytes.
        case empty
        /// The bytes are not a PNG; the message says what they look like.
        case notPNG = "not_png"
        /// A PNG with animation chunks.
        case animated
        /// Width or height is not the expected one.
        case wrongSize = "wrong_size"
        /// A side exceeds `Patch.sideLimit`, whatever was expected.
        case tooLarge = "too_large"
        /// The bytes end before the PNG does.
        case truncated
        /// A checksum, a chunk or the compressed data is wrong, or bytes follow the end.
        case corrupt
        /// A pixel is not opaque.
        case transparent
        /// No fault of the image: this process could not get the memory.
        case outOfMemory = "out_of_memory"
    }

    public let code: Code
    /// A sentence that says what was wrong and what was expected. It never holds content of the image.
    public let message: String

    /// True when the same bytes may well be decoded later, so that the image must not be blamed.
    public var isTransient: Bool { code == .outOfMemory }

    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }
}

extension PatchDecodingError {
    /// The error that a report of the C functions stands for; nil when they succeeded.
    init?(_ report: patch_png_report) {
        guard let code = Code(report.status) else { return nil }
        self.init(
            code: code,
            message: withUnsafeBytes(of: report.message) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            })
    }
}

extension PatchDecodingError.Code {
    init?(_ status: patch_png_status) {
        switch status {
        case .PATCH_PNG_OK: return nil
        case .PATCH_PNG_EMPTY: self = .empty
        case .PATCH_PNG_NOT_PNG: self = .notPNG
        case .PATCH_PNG_ANIMATED: self = .animated
        case .PATCH_PNG_WRONG_SIZE: self = .wrongSize
        case .PATCH_PNG_TOO_LARGE: self = .tooLarge
        case .PATCH_PNG_TRUNCATED: self = .truncated
        case .PATCH_PNG_CORRUPT: self = .corrupt
        case .PATCH_PNG_TRANSPARENT: self = .transparent
        case .PATCH_PNG_NO_MEMORY: self = .outOfMemory
        }
    }
}

extension PatchDecodingError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
}
