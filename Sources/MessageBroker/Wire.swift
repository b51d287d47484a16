/// Reads big-endian AMQP primitives from bytes; nil where the bytes end too early.
struct WireReader {
    let bytes: ArraySlice<UInt8>
    private(set) var offset: Int
    /// Set when a name or short string was not UTF-8 and had to be repaired.
    var repairedText = false

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    var isAtEnd: Bool { offset == bytes.endIndex }

    mutating func integer<T: FixedWidthInteger>(_: T.Type) -> T? {
        guard let slice = take(T.bitWidth / 8) else { return nil }
        var value: UInt64 = 0
        for byte in slice { value = value << 8 | UInt64(byte) }
        return T(truncatingIfNeeded: value)
    }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= bytes.endIndex - offset else { return nil }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    mutating func shortBytes() -> ArraySlice<UInt8>? {
        guard let count = integer(UInt8.self) else { return nil }
        return take(Int(count))
    }

    mutating func longBytes() -> ArraySlice<UInt8>? {
        guard let count = integer(UInt32.self) else { return nil }
        return take(Int(count))
    }

    /// A short string; invalid UTF-8 is repaired with U+FFFD and `repairedText` set.
    mutating func shortText() -> String? {
        guard let slice = shortBytes() else { return nil }
        if let text = String(validating: slice, as: UTF8.self) { return text }
        repairedText = true
        return String(decoding: slice, as: UTF8.self)
    }
}

/// Appends big-endian AMQP primitives.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    /// At most 255 bytes: the length is one byte. Callers check before; a longer one is cut.
    mutating func shortBytes(_ value: some Collection<UInt8>) {
        bytes.append(UInt8(min(value.count, 255)))
        bytes.append(contentsOf: value.prefix(255))
    }

    mutating func longBytes(_ value: some Collection<UInt8>) {
        integer(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    /// Writes what `body` writes behind its length in four bytes.
    mutating func counted(_ body: (inout WireWriter) -> Void) {
        let start = bytes.count
        integer(UInt32(0))
        body(&self)
        let count = UInt32(bytes.count - start - 4)
        withUnsafeBytes(of: count.bigEndian) { bytes.replaceSubrange(start..<start + 4, with: $0) }
    }
}
