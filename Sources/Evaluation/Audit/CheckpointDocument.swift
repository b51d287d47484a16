import AuditTrail
public import Database
import Foundation

/// What a checkpoint signs: a text of lines in fixed order, each a name and a value (contracts/checkpoint.md).
public struct CheckpointDocument: Sendable, Equatable {
    /// What a checkpoint after a restored backup says besides.
    public struct Restoration: Sendable, Equatable {
        public let reason: String
        /// The newest checkpoint that the restored database held, with its digest; nil where it held none.
        public let base: Link?
    }

    /// Another checkpoint, by number and digest.
    public struct Link: Sendable, Equatable {
        public let number: Int64
        public let digest: [UInt8]
    }

    public let number: Int64
    /// By the clock of whoever signed.
    public let signedAt: Timestamp
    /// By the database's clock; every event of that time that had been committed is covered.
    public let serverTime: Timestamp
    /// Digest of the document before; nil for the first.
    public let previous: [UInt8]?
    /// The public key that verifies the signature, raw.
    public let key: [UInt8]
    /// The public key that signs from the next checkpoint on; nil where it stays.
    public let nextKey: [UInt8]?
    public let restoration: Restoration?
    /// Chains and seals there are in all.
    public let chains: Int64
    public let seals: Int64
    /// Chains that have grown since the checkpoint before, and the root over their heads.
    public let heads: Int64
    public let headsRoot: [UInt8]

    static let format = "sentinode.checkpoint.v1"
    /// More than anybody makes: numbers that are compared must not overflow.
    private static let largestNumber: Int64 = 1 << 40

    /// The bytes that are signed.
    public var text: String {
        var lines = [
            CheckpointDocument.format, "number \(number)", "signed_at \(signedAt)", "server_time \(serverTime)",
            "previous \(previous.map { hexadecimal($0) } ?? "none")", "key \(hexadecimal(key))",
        ]
        if let nextKey { lines.append("next_key \(hexadecimal(nextKey))") }
        if let restoration {
            lines.append("restored \(JSONText.string(restoration.reason).text)")
            lines.append("base " + (restoration.base.map { "\($0.number) \(hexadecimal($0.digest))" } ?? "none"))
        }
        lines += [
            "chains \(chains)", "seals \(seals)", "heads \(heads)", "heads_root \(hexadecimal(headsRoot))",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// SHA-256 of the text: how the next checkpoint names this one.
    public func digest() throws -> [UInt8] { try Hash.sha256(Array(text.utf8)) }

    /// Whose signature the next checkpoint has to bear.
    public var nextSigner: [UInt8] { nextKey ?? key }
}

extension CheckpointDocument {
    /// Reads a document, which is right in only one form.
    public init(parsing text: String) throws {
        var reader = DocumentReader(text)
        try reader.expect(CheckpointDocument.format)
        number = try reader.integer("number")
        signedAt = try reader.time("signed_at")
        serverTime = try reader.time("server_time")
        let before = try reader.value("previous")
        previous = before == "none" ? nil : try reader.bytes(before, count: 32)
        key = try reader.bytes(try reader.value("key"), count: 32)
        nextKey = try reader.optionalValue("next_key").map { try reader.bytes($0, count: 32) }
        restoration = try CheckpointDocument.restoration(&reader)
        chains = try reader.integer("chains")
        seals = try reader.integer("seals")
        heads = try reader.integer("heads")
        headsRoot = try reader.bytes(try reader.value("heads_root"), count: 32)
        guard self.text == text, (1...CheckpointDocument.largestNumber).contains(number), chains >= 0, seals >= 0,
            heads >= 0
        else {
            throw DocumentReader.fault("it is not written in the one form that is right")
        }
    }

    private static func reason(_ quoted: String) throws -> String {
        do {
            guard let reason = try JSONDecoder().decode([String].self, from: Data("[\(quoted)]".utf8)).first else {
                throw DocumentReader.fault("the reason of a restoration is missing")
            }
            return reason
        } catch is DecodingError {
            throw DocumentReader.fault("the reason of a restoration is no quoted text")
        }
    }

    private static func restoration(_ reader: inout DocumentReader) throws -> Restoration? {
        guard let quoted = try reader.optionalValue("restored") else { return nil }
        let reason = try reason(quoted)
        let parts = try reader.value("base").split(separator: " ")
        if parts == ["none"] { return Restoration(reason: reason, base: nil) }
        guard parts.count == 2, let number = Int64(parts[0]) else {
            throw DocumentReader.fault("the base of a restoration is no number and digest")
        }
        return Restoration(
            reason: reason, base: Link(number: number, digest: try reader.bytes(String(parts[1]), count: 32)))
    }
}

/// Reads `name value` lines in the order in which they are asked for.
private struct DocumentReader {
    private var lines: ArraySlice<Substring>

    init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...] }

    static func fault(_ what: String) -> OperationError { OperationError("this is no checkpoint: \(what)") }

    mutating func expect(_ line: String) throws {
        guard lines.popFirst().map({ $0 == line }) ?? false else {
            throw DocumentReader.fault("it does not begin with \(line)")
        }
    }

    mutating func optionalValue(_ name: String) throws -> String? {
        guard let line = lines.first, line.hasPrefix(name + " ") else { return nil }
        lines.removeFirst()
        return String(line.dropFirst(name.utf8.count + 1))
    }

    mutating func value(_ name: String) throws -> String {
        guard let value = try optionalValue(name) else { throw DocumentReader.fault("the line \(name) is missing") }
        return value
    }

    mutating func integer(_ name: String) throws -> Int64 {
        guard let value = Int64(try value(name)) else { throw DocumentReader.fault("\(name) is no number") }
        return value
    }

    mutating func time(_ name: String) throws -> Timestamp {
        guard let value = Timestamp(rfc3339: try value(name)) else { throw DocumentReader.fault("\(name) is no time") }
        return value
    }

    func bytes(_ text: String, count: Int) throws -> [UInt8] {
        guard let value = AuditTrail.bytes(hexadecimal: text), value.count == count else {
            throw DocumentReader.fault("\(count) bytes in hexadecimal are expected")
        }
        return value
    }
}
