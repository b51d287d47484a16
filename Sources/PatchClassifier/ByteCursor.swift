/// A bounded cursor over little-endian bytes: a read past its end is refused as truncated, never trapped.
struct ByteCursor {
    let bytes: [UInt8]
    /// What is being read, for messages: "the safetensors header".
    let subject: String
    let end: Int
    private(set) var position: Int

    /// `range` must lie inside `bytes`.
    init(_ bytes: [UInt8], in range: Range<Int>, subject: String) {
        self.bytes = bytes
        self.subject = subject
        self.position = range.lowerBound
        self.end = range.upperBound
    }

    var remaining: Int { end - position }

    /// The next byte, not consumed; nil at the end.
    var next: UInt8? { position < end ? bytes[position] : nil }

    /// Consumes `count` bytes and gives their place.
    mutating func take(_ count: Int) throws(WeightsError) -> Range<Int> {
        guard count >= 0, count <= remaining else {
            throw WeightsError(
                .truncated, "\(subject) ends at byte \(end), \(count) bytes were expected from byte \(position) on")
        }
        defer { position += count }
        return position..<(position + count)
    }

    /// Consumes one byte where there is one.
    mutating func skip() {
        position = min(position + 1, end)
    }

    mutating func byte() throws(WeightsError) -> UInt8 {
        guard position < end else { return bytes[try take(1).lowerBound] }
        position += 1
        return bytes[position - 1]
    }

    mutating func unsigned16() throws(WeightsError) -> Int {
        Int(try littleEndian(2))
    }

    mutating func unsigned32() throws(WeightsError) -> Int {
        Int(try littleEndian(4))
    }

    mutating func signed32() throws(WeightsError) -> Int {
        Int(Int32(truncatingIfNeeded: try littleEndian(4)))
    }

    /// An unsigned 64-bit count; one that no memory could hold is refused.
    mutating func unsigned64() throws(WeightsError) -> Int {
        let value = try littleEndian(8)
        guard let count = Int(exactly: value) else {
            throw WeightsError(.tooLarge, "\(subject) holds a count of \(value) at byte \(position - 8)")
        }
        return count
    }

    /// UTF-8 text of `count` bytes.
    mutating func text(_ count: Int) throws(WeightsError) -> String {
        let range = try take(count)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw WeightsError(.malformed, "\(subject) holds text at byte \(range.lowerBound) that is not UTF-8")
        }
        return text
    }

    private mutating func littleEndian(_ count: Int) throws(WeightsError) -> UInt64 {
        try take(count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }
}

/// The product of non-negative counts, nil where it does not fit.
func checkedProduct(_ counts: [Int]) -> Int? {
    var product = 1
    for count in counts {
        let (next, overflow) = product.multipliedReportingOverflow(by: count)
        if overflow { return nil }
        product = next
    }
    return product
}
