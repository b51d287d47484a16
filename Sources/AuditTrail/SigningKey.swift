import CCrypto

/// What is wrong with a key or with a file that should hold one. Never shows key material.
public struct KeyError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// An Ed25519 private key, kept outside of the database.
public final class SigningKey {
    private let key: OpaquePointer
    public let verifyingKey: VerifyingKey

    /// A new one from the system's generator.
    public init() throws {
        guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else {
            throw KeyError(description: "libcrypto cannot make Ed25519 keys")
        }
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &made) == 1, let made else {
            throw KeyError(description: "libcrypto cannot make Ed25519 keys")
        }
        key = made
        verifyingKey = try VerifyingKey(of: made)
    }

    /// Reads a PEM file's text (PKCS #8, without a passphrase).
    public init(pem: String) throws {
        let read = withMemory(holding: pem) { memory in
            // An empty passphrase, so that nobody is asked for one.
            var passphrase: CChar = 0
            return PEM_read_bio_PrivateKey(memory, nil, nil, &passphrase)
        }
        guard let read else {
            throw KeyError(description: "it holds no private key in PEM that can be read without a passphrase")
        }
        key = read
        guard EVP_PKEY_get_id(read) == EVP_PKEY_ED25519 else {
            throw KeyError(description: "its key is not an Ed25519 key: make one with `sentinode audit key`")
        }
        verifyingKey = try VerifyingKey(of: read)
    }

    deinit { EVP_PKEY_free(key) }

    /// The 64 bytes of the signature.
    public func signature(over message: [UInt8]) throws -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var length = signature.count
        guard let context, EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            EVP_DigestSign(context, &signature, &length, message, message.count) == 1, length == 64
        else { throw KeyError(description: "libcrypto cannot sign with this key") }
        return signature
    }

    /// PKCS #8 in PEM: whoever has it can sign.
    public func pem() throws -> String {
        try text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }
}

/// An Ed25519 public key.
public struct VerifyingKey: Sendable, Hashable {
    /// RFC 8032, section 5.1.5.
    public let bytes: [UInt8]

    /// Any 32 bytes; what is no point of the curve verifies nothing.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    fileprivate init(of key: OpaquePointer) throws {
        var bytes = [UInt8](repeating: 0, count: 32)
        var length = bytes.count
        guard EVP_PKEY_get_raw_public_key(key, &bytes, &length) == 1, length == 32 else {
            throw KeyError(description: "it holds no Ed25519 key")
        }
        self.bytes = bytes
    }

    /// Reads a PEM file's text (SubjectPublicKeyInfo).
    public init(pem: String) throws {
        guard let key = withMemory(holding: pem, { PEM_read_bio_PUBKEY($0, nil, nil, nil) }) else {
            throw KeyError(description: "it holds no public key in PEM")
        }
        defer { EVP_PKEY_free(key) }
        guard EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 else {
            throw KeyError(description: "its key is not an Ed25519 key")
        }
        try self.init(of: key)
    }

    /// SubjectPublicKeyInfo in PEM.
    public func pem() throws -> String {
        guard let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count) else {
            throw KeyError(description: "libcrypto does not take the public key")
        }
        defer { EVP_PKEY_free(key) }
        return try text { PEM_write_bio_PUBKEY($0, key) }
    }

    /// Whether the owner of the private key signed the message.
    public func verifies(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        guard let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count),
            let context = EVP_MD_CTX_new()
        else { return false }
        defer {
            EVP_PKEY_free(key)
            EVP_MD_CTX_free(context)
        }
        return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}

/// Lends libcrypto a text to read from.
private func withMemory(holding text: String, _ read: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { buffer in
        guard let memory = BIO_new_mem_buf(buffer.baseAddress, Int32(clamping: buffer.count)) else { return nil }
        defer { BIO_free(memory) }
        return read(memory)
    }
}

/// The text that libcrypto writes, in PEM.
private func text(_ write: (OpaquePointer) -> Int32) throws -> String {
    guard let memory = BIO_new(BIO_s_mem()) else { throw KeyError(description: "memory ran out") }
    defer { BIO_free(memory) }
    guard write(memory) == 1 else { throw KeyError(description: "libcrypto cannot write the key") }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let length = BIO_read(memory, &bytes, Int32(bytes.count))
    guard length > 0 else { throw KeyError(description: "libcrypto cannot write the key") }
    return String(decoding: bytes.prefix(Int(length)), as: UTF8.self)
}
