/// One named value of a header table or of queue arguments; order and repeated names are kept.
public struct Field: Sendable, Equatable {
    public var name: String { didSet { wire.bytes = nil } }
    public var value: FieldValue { didSet { wire.bytes = nil } }
    /// Name, kind and value as they came: sent again byte for byte unless the field is changed.
    var wire = WireCopy()

    public init(_ name: String, _ value: FieldValue) {
        self.name = name
        self.value = value
    }
}

/// A value of an AMQP table. All 17 kinds that RabbitMQ knows are read; integers of any width become `int` or `uint`.
public enum FieldValue: Sendable, Equatable {
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case float(Float)
    case double(Double)
    /// value / 10^scale
    case decimal(scale: UInt8, value: UInt32)
    /// A long string that is valid UTF-8.
    case text(String)
    /// A byte array, or a long string that is not UTF-8.
    case bytes([UInt8])
    /// Seconds since 1970.
    case timestamp(UInt64)
    case array([FieldValue])
    case table([Field])
    case void
    /// An array or table below the sixteenth level: skipped when read, and never sent.
    case tooDeep

    /// How many levels of arrays and tables are read.
    public static let deepestLevel = 16

    /// The integer kinds as one, where the value fits.
    public var integer: Int64? {
        switch self {
        case .int(let value): value
        case .uint(let value): Int64(exactly: value)
        case .bool, .float, .double, .decimal, .text, .bytes, .timestamp, .array, .table, .void, .tooDeep: nil
        }
    }

    /// Whether a level was skipped anywhere inside.
    public var isTooDeep: Bool {
        switch self {
        case .tooDeep: true
        case .array(let values): values.contains { $0.isTooDeep }
        case .table(let fields): fields.contains { $0.value.isTooDeep }
        case .bool, .int, .uint, .float, .double, .decimal, .text, .bytes, .timestamp, .void: false
        }
    }
}

/// Bytes kept for sending again; no part of a value's identity, so any two are equal.
struct WireCopy: Sendable, Equatable {
    var bytes: ArraySlice<UInt8>?

    static func == (_: WireCopy, _: WireCopy) -> Bool { true }
}
