import Foundation

/// The address of a connection that waits for a direct reply, as the broker writes it into `reply_to`:
/// `amq.rabbitmq.reply-to.`, an Erlang process id in base64, a dot, and a key.
///
/// RabbitMQ 3 closes the connection that publishes to one whose process id it cannot read (`decode_reply_to_v1` and
/// `_v2` in its rabbit_direct_reply_to.erl). That takes a second, and everything else that was just published with it.
enum DirectReplyAddress {
    static let prefix = "amq.rabbitmq.reply-to"

    /// Whether some broker can have given out this address. Nothing is said about whether anybody still waits there.
    static func isWellFormed(_ queue: String) -> Bool {
        let start = (prefix + ".").utf8
        guard queue.utf8.starts(with: start) else { return false }
        let processID = queue.utf8.dropFirst(start.count).prefix { $0 != UInt8(ascii: ".") }
        guard let term = Data(base64Encoded: Data(processID)) else { return false }
        return isProcessID([UInt8](term))
    }

    /// NEW_PID_EXT with version byte and node name, "Erlang External Term Format", sections 11.1 and 13.
    private static func isProcessID(_ term: [UInt8]) -> Bool {
        guard term.starts(with: [131, 88]), term.count > 4 else { return false }
        let nameStart: Int
        let nameLength: Int
        switch term[2] {
        // Atoms with a length of two bytes, in Latin-1 and in UTF-8, and with one of one byte.
        case 100, 118: (nameStart, nameLength) = (5, Int(term[3]) << 8 | Int(term[4]))
        case 115, 119: (nameStart, nameLength) = (4, Int(term[3]))
        default: return false
        }
        // Behind it come id, serial and creation, four bytes each.
        guard (1...255).contains(nameLength), term.count == nameStart + nameLength + 12 else { return false }
        let name = term[nameStart..<nameStart + nameLength]
        return name.allSatisfy { (0x21...0x7E).contains($0) } && name.contains(UInt8(ascii: "@"))
    }
}
