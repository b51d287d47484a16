import CCrypto

/// HMAC-SHA-256 (RFC 2104) under one key, used by one thread at a time.
public final class KeyedHash {
    private let context: OpaquePointer

    public init(key: [UInt8]) throws(HashingError) {
        let algorithm = EVP_MAC_fetch(nil, "HMAC", nil)
        defer { EVP_MAC_free(algorithm) }
        guard let context = EVP_MAC_CTX_new(algorithm) else { throw HashingError(operation: "make a keyed hash") }
        self.context = context
        guard hmac_sha256_start(context, key, key.count) == 1 else {
            throw HashingError(operation: "start a keyed hash")
        }
    }

    deinit { EVP_MAC_CTX_free(context) }

    /// The 32 bytes that only a holder of the key can compute from these bytes.
    public func code(for bytes: [UInt8]) throws(HashingError) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length = 0
        guard EVP_MAC_init(context, nil, 0, nil) == 1, EVP_MAC_update(context, bytes, bytes.count) == 1,
            EVP_MAC_final(context, &code, &length, code.count) == 1, length == code.count
        else { throw HashingError(operation: "hash \(bytes.count) bytes with a key") }
        return code
    }
}
