import AuditTrail
import Foundation

/// The workers' secret that random draws for review are made with. Nothing that prints it shows it.
public struct ReviewKey: Sendable {
    /// 32 of them.
    let bytes: [UInt8]
    /// SHA-256 over `sentinode.review-key.v1` and the key: what a policy says of it in public.
    public let commitment: [UInt8]

    init(bytes: [UInt8]) throws {
        self.bytes = bytes
        commitment = try Hash.sha256(Array("sentinode.review-key.v1".utf8) + bytes)
    }

    /// A new key, from the system's generator.
    public static func random() throws -> ReviewKey {
        var random = SystemRandomNumberGenerator()
        return try ReviewKey(bytes: (0..<32).map { _ in random.next() })
    }

    /// A key as settings and files hold it: 64 hexadecimal digits.
    public init(hexadecimal text: String) throws {
        guard let bytes = [UInt8](hexadecimal: text), bytes.count == 32 else {
            throw ConfigurationError(["a review key is 64 hexadecimal digits: `sentinode review key` makes one"])
        }
        try self.init(bytes: bytes)
    }

    /// The key in a file.
    public init(contentsOfFile path: String) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw ConfigurationError(["the key file \(path) cannot be read"])
        }
        try self.init(hexadecimal: text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// What a key file holds. To be written where only its owner can read it.
    public var secretText: String { AuditTrail.hexadecimal(bytes) }
    public var commitmentText: String { AuditTrail.hexadecimal(commitment) }
}

extension ReviewKey: CustomStringConvertible, CustomReflectable {
    public var description: String { "review key with commitment \(commitmentText)" }
    public var customMirror: Mirror { Mirror(self, children: ["commitment": commitmentText]) }
}

extension [UInt8] {
    /// What pairs of hexadecimal digits stand for; nil where the text is anything else.
    init?(hexadecimal text: String) {
        let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            append(UInt8(high << 4 | low))
        }
    }
}

extension Environment {
    /// The key of the draws, from `SENTINODE_REVIEW_KEY`; nil where there is none.
    public mutating func reviewKey() -> ReviewKey? {
        guard let text = text("SENTINODE_REVIEW_KEY") else { return nil }
        do {
            return try ReviewKey(hexadecimal: text.trimmingCharacters(in: .whitespaces))
        } catch {
            add(problem: "SENTINODE_REVIEW_KEY is not 64 hexadecimal digits: `sentinode review key` makes one")
            return nil
        }
    }
}
