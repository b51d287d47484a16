/// The AMQP table format in RabbitMQ's dialect, in both directions.
///
/// Source: RabbitMQ's "AMQP 0-9-1 errata", section 3, which differs from the specification's own letters.
enum FieldTable {
    /// Reads a table with its length in front; nil where the bytes are not one.
    static func read(_ reader: inout WireReader, level: Int = 0) -> [Field]? {
        guard let content = reader.longBytes() else { return nil }
        var inner = WireReader(content)
        var fields: [Field] = []
        while !inner.isAtEnd {
            let start = inner.offset
            guard let name = inner.shortText(), let value = readValue(&inner, level: level) else { return nil }
            var field = Field(name, value)
            if level == 0 { field.wire.bytes = content[start..<inner.offset] }
            fields.append(field)
        }
        reader.repairedText = reader.repairedText || inner.repairedText
        return fields
    }

    private static func readValue(_ reader: inout WireReader, level: Int) -> FieldValue? {
        guard let letter = reader.integer(UInt8.self), let kind = Kind(rawValue: letter) else { return nil }
        switch kind {
        case .bool: return reader.integer(UInt8.self).map { .bool($0 != 0) }
        case .int8: return reader.integer(Int8.self).map { .int(Int64($0)) }
        case .uint8: return reader.integer(UInt8.self).map { .uint(UInt64($0)) }
        case .int16: return reader.integer(Int16.self).map { .int(Int64($0)) }
        case .uint16: return reader.integer(UInt16.self).map { .uint(UInt64($0)) }
        case .int32: return reader.integer(Int32.self).map { .int(Int64($0)) }
        case .uint32: return reader.integer(UInt32.self).map { .uint(UInt64($0)) }
        case .int64: return reader.integer(Int64.self).map { .int($0) }
        case .uint64: return reader.integer(UInt64.self).map { .uint($0) }
        case .float: return reader.integer(UInt32.self).map { .float(Float(bitPattern: $0)) }
        case .double: return reader.integer(UInt64.self).map { .double(Double(bitPattern: $0)) }
        case .decimal: return readDecimal(&reader)
        case .text: return reader.longBytes().map(text)
        case .bytes: return reader.longBytes().map { .bytes(Array($0)) }
        case .timestamp: return reader.integer(UInt64.self).map { .timestamp($0) }
        case .array: return readArray(&reader, level: level + 1)
        case .table:
            guard level + 1 < FieldValue.deepestLevel else { return reader.longBytes().map { _ in .tooDeep } }
            return read(&reader, level: level + 1).map { .table($0) }
        case .void: return .void
        }
    }

    private static func readDecimal(_ reader: inout WireReader) -> FieldValue? {
        guard let scale = reader.integer(UInt8.self), let value = reader.integer(UInt32.self) else { return nil }
        return .decimal(scale: scale, value: value)
    }

    private static func text(_ slice: ArraySlice<UInt8>) -> FieldValue {
        String(validating: slice, as: UTF8.self).map { .text($0) } ?? .bytes(Array(slice))
    }

    private static func readArray(_ reader: inout WireReader, level: Int) -> FieldValue? {
        guard let content = reader.longBytes() else { return nil }
        guard level < FieldValue.deepestLevel else { return .tooDeep }
        var inner = WireReader(content)
        var values: [FieldValue] = []
        while !inner.isAtEnd {
            guard let value = readValue(&inner, level: level) else { return nil }
            values.append(value)
        }
        reader.repairedText = reader.repairedText || inner.repairedText
        return .array(values)
    }

    /// Writes a table with its length in front; fields that came from the wire are written as they came.
    static func write(_ fields: [Field], to writer: inout WireWriter) {
        writer.counted { writer in
            for field in fields {
                if let bytes = field.wire.bytes {
                    writer.append(bytes)
                } else {
                    writer.shortBytes(Array(field.name.utf8))
                    writeValue(field.value, to: &writer)
                }
            }
        }
    }

    private static func writeValue(_ value: FieldValue, to writer: inout WireWriter) {
        switch value {
        case .bool(let flag): writer.put(.bool, UInt8(flag ? 1 : 0))
        case .int(let number): writer.put(.int64, number)
        case .uint(let number):
            // Java's client refuses 'L': it is used only where nothing else holds the number.
            if let signed = Int64(exactly: number) { writer.put(.int64, signed) } else { writer.put(.uint64, number) }
        case .float(let number): writer.put(.float, number.bitPattern)
        case .double(let number): writer.put(.double, number.bitPattern)
        case .decimal(let scale, let number):
            writer.put(.decimal, scale)
            writer.integer(number)
        case .text(let text):
            writer.integer(Kind.text.rawValue)
            writer.longBytes(Array(text.utf8))
        case .bytes(let bytes):
            writer.integer(Kind.bytes.rawValue)
            writer.longBytes(bytes)
        case .timestamp(let seconds): writer.put(.timestamp, seconds)
        case .array(let values):
            writer.integer(Kind.array.rawValue)
            writer.counted { writer in for value in values { writeValue(value, to: &writer) } }
        case .table(let fields):
            writer.integer(Kind.table.rawValue)
            write(fields, to: &writer)
        case .void, .tooDeep: writer.integer(Kind.void.rawValue)
        }
    }

    /// The letter in front of each value.
    enum Kind: UInt8 {
        case bool = 0x74  // t
        case int8 = 0x62  // b
        case uint8 = 0x42  // B
        case int16 = 0x73  // s
        case uint16 = 0x75  // u
        case int32 = 0x49  // I
        case uint32 = 0x69  // i
        case int64 = 0x6c  // l
        case uint64 = 0x4c  // L
        case float = 0x66  // f
        case double = 0x64  // d
        case decimal = 0x44  // D
        case text = 0x53  // S
        case bytes = 0x78  // x
        case timestamp = 0x54  // T
        case array = 0x41  // A
        case table = 0x46  // F
        case void = 0x56  // V
    }
}

extension WireWriter {
    fileprivate mutating func put<T: FixedWidthInteger>(_ kind: FieldTable.Kind, _ value: T) {
        integer(kind.rawValue)
        integer(value)
    }
}
