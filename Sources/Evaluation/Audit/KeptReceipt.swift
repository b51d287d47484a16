import AuditTrail
import Database
import Foundation

/// A receipt as a result message carries it, or alone.
public struct KeptReceipt: Decodable {
    let job: UUID?
    let writer: UUID
    let seal: Int64
    let leaf: Int32
    let root: String
    /// What else the file says.
    private(set) var message = KeptMessage(fields: [:])

    var position: LeafPosition { LeafPosition(writer: writer, seal: seal, leaf: leaf) }

    private enum Key: String, CodingKey { case job = "job_id", receipt, writer, seal, leaf, root }

    public init(from decoder: any Decoder) throws {
        let message = try decoder.container(keyedBy: Key.self)
        let receipt =
            message.contains(.receipt) ? try message.nestedContainer(keyedBy: Key.self, forKey: .receipt) : message
        job = try message.decodeIfPresent(UUID.self, forKey: .job)
        writer = try receipt.decode(UUID.self, forKey: .writer)
        seal = try receipt.decode(Int64.self, forKey: .seal)
        leaf = try receipt.decode(Int32.self, forKey: .leaf)
        root = try receipt.decode(String.self, forKey: .root)
    }

    /// Reads a file with a result message, or with its receipt.
    public static func read(_ path: String) throws -> KeptReceipt {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw OperationError("\(path) cannot be read")
        }
        do {
            var receipt = try JSONDecoder().decode(KeptReceipt.self, from: data)
            receipt.message = KeptMessage(
                fields: try JSONSerialization.jsonObject(with: data) as? [String: any Sendable] ?? [:])
            return receipt
        } catch {
            throw OperationError("\(path) is neither a result message nor a receipt in JSON")
        }
    }
}

/// The fields of a kept result message.
struct KeptMessage: Sendable {
    private let fields: [String: any Sendable]

    init(fields: [String: any Sendable]) {
        self.fields = fields
    }

    /// How many fields the row has too.
    ///
    /// - Throws: `OperationError` where one says something else.
    func compared(with row: SealedRow) throws -> Int {
        let stored = Dictionary(uniqueKeysWithValues: row.columns.map { ($0.name, $0.value) })
        let isPrediction = row.table == Prediction.table.name
        let columns = Set((isPrediction ? Prediction.table : QuarantinedMessage.table).columns.map(\.name))
        var compared = 0
        for (name, told) in fields.sorted(by: { $0.key < $1.key }) {
            if name == "event" {
                let event: String
                if isPrediction, case .text(let decision)? = stored["decision"] {
                    event = "prediction.\(decision)"
                } else {
                    event = "message.quarantined"
                }
                guard told as? String == event else { throw KeptMessage.otherwise(name) }
            } else if columns.contains(name) {
                guard KeptMessage.tells(told, stored[name]) else { throw KeptMessage.otherwise(name) }
            } else {
                continue
            }
            compared += 1
        }
        return compared
    }

    /// Whether a message tells a column's value so; nil where that is NULL.
    private static func tells(_ told: any Sendable, _ stored: ColumnValue?) -> Bool {
        let (text, number) = (told as? String, told as? Double)
        return switch stored {
        case nil: told is NSNull
        case .boolean(let value)?: told as? Bool == value
        case .integer(let value)?: number == Double(value)
        case .real(let value)?: number.map { Float($0) } == value
        case .double(let value)?: number == value
        case .text(let value)?: text == value
        case .uuid(let value)?: text?.lowercased() == value.text
        case .bytes(let value)?: text?.lowercased() == hexadecimal(value)
        case .timestamp(let value)?: text == Timestamp(microseconds: value).description
        }
    }

    private static func otherwise(_ field: String) -> OperationError {
        OperationError("the receipt fits, and the message does not: its \(field) is not what is stored and sealed")
    }
}
