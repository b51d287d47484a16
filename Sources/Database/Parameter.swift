public import FoundationEssentials

/// A value sent beside a statement, in binary and with its type; nil is NULL.
///
/// Arrays are how a batch travels: `insert into t select * from unnest($1, $2)` with one array a column.
public enum Parameter: Sendable {
    /// NULL of the type that the statement implies.
    case null
    case bool(Bool?)
    case int2(Int16?)
    case int4(Int32?)
    case int8(Int64?)
    case float4(Float?)
    case float8(Double?)
    case text(String?)
    case bytes([UInt8]?)
    case uuid(UUID?)
    case timestamp(Timestamp?)
    case json(String?)
    case jsonb(String?)
    case boolArray([Bool?])
    case int2Array([Int16?])
    case int4Array([Int32?])
    case int8Array([Int64?])
    case float4Array([Float?])
    case float8Array([Double?])
    case textArray([String?])
    case bytesArray([[UInt8]?])
    case uuidArray([UUID?])
    case timestampArray([Timestamp?])
    case jsonbArray([String?])
}

/// The parameters of one statement as libpq takes them: types, and values one after another in one buffer.
struct EncodedParameters {
    /// A message to PostgreSQL is refused from 1 GiB on, and the session with it.
    static let largestMessage = 1 << 30 - 1 << 16

    private(set) var types: [UInt32] = []
    /// Where each value stands in `bytes`; nil is NULL.
    private(set) var spans: [Range<Int>?] = []
    private(set) var bytes: [UInt8] = []

    init(_ parameters: [Parameter], operation: @autoclosure () -> String) throws(DatabaseError) {
        types.reserveCapacity(parameters.count)
        spans.reserveCapacity(parameters.count)
        for parameter in parameters {
            do {
                try encode(parameter)
            } catch {
                throw DatabaseError(
                    operation: operation(), sqlstate: error.sqlstate,
                    message: "parameter $\(spans.count + 1) \(error.reason)")
            }
        }
        guard bytes.count + 8 * spans.count < Self.largestMessage, spans.count <= UInt16.max else {
            throw DatabaseError(
                operation: operation(), sqlstate: "54000", message: "the parameters are too large for one statement")
        }
        // An empty buffer has no address, and libpq reads a missing address as NULL.
        bytes.append(0)
    }

    private mutating func encode(_ parameter: Parameter) throws(ValueRefusal) {
        switch parameter {
        case .null: append(type: 0, span: nil)
        case .bool(let value): try append(value)
        case .int2(let value): try append(value)
        case .int4(let value): try append(value)
        case .int8(let value): try append(value)
        case .float4(let value): try append(value)
        case .float8(let value): try append(value)
        case .text(let value): try append(value)
        case .bytes(let value): try append(value)
        case .uuid(let value): try append(value)
        case .timestamp(let value): try append(value)
        case .json(let value): try append(value.map { JSONText(text: $0) })
        case .jsonb(let value): try append(value.map { JSONBText(text: $0) })
        case .boolArray(let values): try append(array: values)
        case .int2Array(let values): try append(array: values)
        case .int4Array(let values): try append(array: values)
        case .int8Array(let values): try append(array: values)
        case .float4Array(let values): try append(array: values)
        case .float8Array(let values): try append(array: values)
        case .textArray(let values): try append(array: values)
        case .bytesArray(let values): try append(array: values)
        case .uuidArray(let values): try append(array: values)
        case .timestampArray(let values): try append(array: values)
        case .jsonbArray(let values): try append(array: values.map { $0.map { JSONBText(text: $0) } })
        }
    }

    private mutating func append(type: UInt32, span: Range<Int>?) {
        types.append(type)
        spans.append(span)
    }

    private mutating func append<Value: BinaryValue>(_ value: Value?) throws(ValueRefusal) {
        let start = bytes.count
        try value?.write(to: &bytes)
        append(type: Value.type, span: value == nil ? nil : start..<bytes.count)
    }

    /// One dimension from 1: dimensions, whether NULLs occur, element type, length, lower bound, then the elements.
    private mutating func append<Value: BinaryValue>(array values: [Value?]) throws(ValueRefusal) {
        let start = bytes.count
        bytes.append(bigEndian: Int32(values.isEmpty ? 0 : 1))
        bytes.append(bigEndian: Int32(values.contains { $0 == nil } ? 1 : 0))
        bytes.append(bigEndian: Value.type)
        if !values.isEmpty {
            bytes.append(bigEndian: Int32(truncatingIfNeeded: values.count))
            bytes.append(bigEndian: Int32(1))
        }
        for value in values {
            let lengthPosition = bytes.count
            bytes.append(bigEndian: Int32(-1))
            guard let value else { continue }
            try value.write(to: &bytes)
            let length = Int32(truncatingIfNeeded: bytes.count - lengthPosition - 4)
            bytes.overwrite(at: lengthPosition, bigEndian: length)
        }
        append(type: Value.arrayType, span: start..<bytes.count)
    }
}
