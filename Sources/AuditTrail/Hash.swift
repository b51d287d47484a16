import CCrypto

/// What went wrong inside the cryptography library.
public struct HashingError: Error, Sendable, CustomStringConvertible {
    public let operation: String
    public var description: String { "libcrypto refused to \(operation); is it a FIPS build without SHA-1?" }
}

/// A running hash over bytes that arrive in pieces.
public final class Hash {
    /// The two functions in use: SHA-256 for everything that proves something, SHA-1 only where UUIDv5 prescribes it.
    public enum Function: Sendable {
        case sha256, sha1

        fileprivate var algorithm: OpaquePointer? {
            switch self {
            case .sha256: EVP_sha256()
            case .sha1: EVP_sha1()
            }
        }
    }

    private let context: OpaquePointer
    private let function: Function

    public init(_ function: Function = .sha256) throws(HashingError) {
        guard let context = EVP_MD_CTX_new() else { throw HashingError(operation: "make a hash context") }
        self.context = context
        self.function = function
        guard EVP_DigestInit_ex(context, function.algorithm, nil) == 1 else {
            throw HashingError(operation: "start a \(function) hash")
        }
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) throws(HashingError) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            throw HashingError(operation: "hash \(bytes.count) bytes")
        }
    }

    /// Adds the 32 bytes of a digest.
    public func update(_ digest: Digest) throws(HashingError) {
        try withUnsafeBytes(of: digest.words) { bytes throws(HashingError) in try update(bytes) }
    }

    /// The digest of everything added; the hash starts afresh.
    public func finalize() throws(HashingError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard EVP_DigestFinal_ex(context, &digest, &length) == 1,
            EVP_DigestInit_ex(context, nil, nil) == 1
        else { throw HashingError(operation: "finish a \(function) hash") }
        digest.removeLast(digest.count - Int(length))
        return digest
    }

    /// The SHA-256 of everything added, in a value that needs no allocation; the hash starts afresh.
    public func finalizeDigest() throws(HashingError) -> Digest {
        precondition(function == .sha256, "a Digest is a SHA-256")
        var words = SIMD4<UInt64>()
        let isDone = withUnsafeMutableBytes(of: &words) { bytes in
            EVP_DigestFinal_ex(context, bytes.bindMemory(to: UInt8.self).baseAddress, nil) == 1
        }
        guard isDone, EVP_DigestInit_ex(context, nil, nil) == 1 else {
            throw HashingError(operation: "finish a \(function) hash")
        }
        return Digest(words: words)
    }

    /// The digest of one piece of bytes.
    public func digest(of bytes: [UInt8]) throws(HashingError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard EVP_DigestUpdate(context, bytes, bytes.count) == 1,
            EVP_DigestFinal_ex(context, &result, &length) == 1,
            EVP_DigestInit_ex(context, nil, nil) == 1
        else { throw HashingError(operation: "hash \(bytes.count) bytes") }
        result.removeLast(result.count - Int(length))
        return result
    }

    /// The digest of one piece of bytes, where nothing keeps a context.
    public static func sha256(_ bytes: [UInt8]) throws(HashingError) -> [UInt8] {
        try Hash(.sha256).digest(of: bytes)
    }
}
