@testable import MessageBroker

/// Header tables as other clients write them, kind by kind.
enum WireSamples {
    /// One field of every kind that RabbitMQ knows, with the value that it must be read as.
    static let everyKind: [(name: String, value: [UInt8], reads: FieldValue)] = [
        ("bool", [0x74, 1], .bool(true)),
        ("int8", [0x62, 0xFE], .int(-2)),
        ("uint8", [0x42, 0xFE], .uint(254)),
        ("int16", [0x73, 0xFF, 0xFE], .int(-2)),
        ("uint16", [0x75, 0xFF, 0xFE], .uint(65534)),
        ("int32", [0x49, 0xFF, 0xFF, 0xFF, 0xFE], .int(-2)),
        ("uint32", [0x69, 0xFF, 0xFF, 0xFF, 0xFE], .uint(4_294_967_294)),
        ("int64", [0x6C, 0x80, 0, 0, 0, 0, 0, 0, 0], .int(.min)),
        ("float", [0x66, 0x3F, 0xC0, 0, 0], .float(1.5)),
        ("double", [0x64, 0xBF, 0xF8, 0, 0, 0, 0, 0, 0], .double(-1.5)),
        ("decimal", [0x44, 2, 0, 0, 1, 0], .decimal(scale: 2, value: 256)),
        ("text", [0x53, 0, 0, 0, 3, 0xE2, 0x82, 0xAC], .text("€")),
        ("not text", [0x53, 0, 0, 0, 2, 0xC3, 0x28], .bytes([0xC3, 0x28])),
        ("bytes", [0x78, 0, 0, 0, 2, 0x41, 0x42], .bytes([0x41, 0x42])),
        ("timestamp", [0x54, 0, 0, 0, 0, 0x65, 0, 0, 0], .timestamp(0x6500_0000)),
        ("array", [0x41, 0, 0, 0, 4, 0x62, 1, 0x74, 0], .array([.int(1), .bool(false)])),
        ("table", [0x46, 0, 0, 0, 4, 1, 0x6B, 0x62, 7], .table([Field("k", .int(7))])),
        ("void", [0x56], .void),
    ]

    /// The 64-bit unsigned kind. RabbitMQ 3.10 takes it and hands it on as the signed one, so it makes no round trip.
    static let uint64: (name: String, value: [UInt8], reads: FieldValue) = (
        "uint64", [0x4C, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .uint(.max)
    )

    static func table(_ fields: [(name: String, value: [UInt8], reads: FieldValue)]) -> [UInt8] {
        var writer = WireWriter()
        writer.counted { writer in
            for field in fields {
                writer.shortBytes(field.name.utf8)
                writer.append(field.value)
            }
        }
        return writer.bytes
    }

    /// A table with one field "deep" of so many arrays inside each other.
    static func nestedArrays(_ depth: Int) -> [UInt8] {
        var writer = WireWriter()
        writer.integer(UInt32(5 + 5 * depth))
        writer.shortBytes("deep".utf8)
        for level in 0..<depth {
            writer.integer(FieldTable.Kind.array.rawValue)
            writer.integer(UInt32(5 * (depth - 1 - level)))
        }
        return writer.bytes
    }
}
