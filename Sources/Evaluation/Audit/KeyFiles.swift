public import AuditTrail
import Foundation

/// Ed25519 keys in PEM files: the private one, and the public one beside it with `.pub` behind its name.
public enum KeyFiles {
    /// Makes a pair. Nothing is ever overwritten; only the owner may read the private key.
    ///
    /// Returns the path of the public key.
    public static func make(at path: String) throws -> String {
        let key = try SigningKey()
        try create(path, text: try key.pem(), mode: 0o600)
        try create(path + ".pub", text: try key.verifyingKey.pem(), mode: 0o644)
        return path + ".pub"
    }

    /// The private key of a file.
    public static func signingKey(_ path: String) throws -> SigningKey {
        try reading(path) { try SigningKey(pem: $0) }
    }

    /// The public key of a file; of a private key's file too.
    public static func verifyingKey(_ path: String) throws -> VerifyingKey {
        try reading(path) { text in
            text.contains("PRIVATE KEY") ? try SigningKey(pem: text).verifyingKey : try VerifyingKey(pem: text)
        }
    }

    private static func reading<Key>(_ path: String, _ make: (String) throws -> Key) throws -> Key {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw OperationError("the key file \(path) cannot be read")
        }
        do {
            return try make(text)
        } catch {
            throw OperationError("the key file \(path) cannot be used: \(error)")
        }
    }

    private static func create(_ path: String, text: String, mode: mode_t) throws {
        // Made with its mode: at no time can others read it.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, mode)
        guard descriptor >= 0 else {
            throw OperationError(
                errno == EEXIST ? "\(path) exists: a key is never overwritten" : "\(path) cannot be written")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: Data(text.utf8))
            try file.synchronize()
        } catch {
            throw OperationError("\(path) cannot be written")
        }
    }
}
