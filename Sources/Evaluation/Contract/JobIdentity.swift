import AuditTrail
public import Foundation

/// How a message names its job, so that sending it twice decides it once.
///
/// A `message_id` that is a UUID is used as it is. Any other text gives a UUIDv5 of the sender and the text; no text
/// gives a UUIDv5 of the sender, where the patch lies, and the image. Parts are preceded by their length in bytes, so
/// that no two lists of parts give the same name. `contracts/job-identity.md` states this with test vectors.
public enum JobIdentity {
    /// Namespace of every UUIDv5 made here.
    public static let namespace = UUID(
        uuid: (
            0x5e, 0x47, 0x1b, 0x0d, 0x3c, 0x9a, 0x4f, 0x62, 0x8a, 0x51, 0x6d, 0x0e, 0x92, 0xb7, 0xc4, 0x18
        ))

    /// The job of a message with a `message_id`; `sender` is the image hash in hexadecimal where nobody is named.
    public static func job(messageID: String, sender: String) throws -> UUID {
        if let given = UUID(uuidString: messageID) { return given }
        return try version5("message:" + counted(sender) + counted(messageID))
    }

    /// The job of a message without a `message_id`; absent parts are empty.
    public static func job(sender: String, slide: String, x: String, y: String, level: String, imageSHA256: String)
        throws -> UUID
    {
        try version5("image:" + [sender, slide, x, y, level, imageSHA256].map(counted).joined())
    }

    /// The id of an announcement: the same outcome announced again has the same id.
    public static func event(_ kind: String, about parts: String...) throws -> UUID {
        try version5("event:" + counted(kind) + parts.map(counted).joined())
    }

    /// Under which a message is counted that may kill the process, before anything in it has been read.
    public static func attempt(messageID: String?, bodySHA256: [UInt8]) throws -> UUID {
        try version5("attempt:" + counted(messageID ?? "") + counted(hexadecimal(bodySHA256)))
    }

    private static func counted(_ part: String) -> String { "\(part.utf8.count):\(part)" }

    /// RFC 9562, section 5.5.
    private static func version5(_ name: String) throws -> UUID {
        var bytes = withUnsafeBytes(of: namespace.uuid) { Array($0) }
        bytes.append(contentsOf: name.utf8)
        var digest = try Hash(.sha1).digest(of: bytes)
        digest[6] = digest[6] & 0x0f | 0x50
        digest[8] = digest[8] & 0x3f | 0x80
        return digest.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}

extension UUID {
    /// In lower case, as PostgreSQL and everything that leaves the program writes it.
    public var text: String {
        let digits = hexadecimal(withUnsafeBytes(of: uuid) { Array($0) })
        return String(unsafeUninitializedCapacity: 36) { text in
            var position = 0
            for (index, digit) in digits.utf8.enumerated() {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    text[position] = UInt8(ascii: "-")
                    position += 1
                }
                text[position] = digit
                position += 1
            }
            return position
        }
    }
}
