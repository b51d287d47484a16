/// Largest header of a safetensors file, in bytes: enough for 4,096 tensors with names of 256 bytes.
private let maximumHeaderBytes = 1 << 22

/// Reads a safetensors file: 8 bytes header length, JSON header, then the values of all tensors without holes.
func readSafetensors(_ bytes: [UInt8]) throws(WeightsError) -> [Weights.Tensor] {
    var cursor = ByteCursor(bytes, in: 0..<bytes.count, subject: "the safetensors file")
    let headerBytes = try cursor.unsigned64()
    guard headerBytes <= maximumHeaderBytes else {
        throw WeightsError(
            .tooLarge, "the safetensors header is \(headerBytes) bytes, at most \(maximumHeaderBytes) were expected")
    }
    var header = SafetensorsHeader(bytes, in: try cursor.take(headerBytes))
    let entries = try header.entries()
    let start = cursor.position
    try checkPlaces(of: entries, dataBytes: bytes.count - start)
    return entries.map { entry in
        let count = (entry.end - entry.begin) / 4
        return Weights.Tensor(
            name: entry.name, shape: entry.shape,
            values: float32Values(in: bytes, at: start + entry.begin, count: count))
    }
}

/// Every tensor is float32, as long as its shape says, and together they cover the data once.
private func checkPlaces(of entries: [SafetensorsHeader.Entry], dataBytes: Int) throws(WeightsError) {
    var expected = 0
    for entry in entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
        guard entry.type == "F32" else {
            throw WeightsError(
                .unsupportedType, "tensor \(quoted(entry.name)) is of type \(quoted(entry.type)), 'F32' was expected")
        }
        try checkShape(entry.shape, of: entry.name)
        guard entry.begin == expected, entry.end >= entry.begin else {
            throw WeightsError(
                .storage,
                "tensor \(quoted(entry.name)) stands at bytes \(entry.begin) to \(entry.end), a start at \(expected) "
                    + "was expected: tensors follow each other without holes and overlaps")
        }
        guard let count = checkedProduct(entry.shape + [4]), count == entry.end - entry.begin else {
            throw WeightsError(
                .shape,
                "tensor \(quoted(entry.name)) of shape \(entry.shape) takes \(entry.end - entry.begin) bytes, "
                    + "4 bytes a value were expected")
        }
        expected = entry.end
    }
    guard expected == dataBytes else {
        throw WeightsError(
            expected > dataBytes ? .truncated : .trailingData,
            "the safetensors file holds \(dataBytes) bytes of values, \(expected) were expected")
    }
}

extension Weights {
    /// The weights as a safetensors file in canonical form, byte for byte what the safetensors library writes:
    /// tensors sorted by the UTF-8 bytes of their names, compact JSON `{"name":{"dtype":"F32","shape":[…],
    /// "data_offsets":[…]},…}` without metadata, spaces up to a multiple of 8 bytes, then all values little-endian.
    public func safetensors() -> [UInt8] {
        let sorted = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var entries: [String] = []
        var offset = 0
        for tensor in sorted {
            let end = offset + 4 * tensor.values.count
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            entries.append(
                #"\#(jsonString(tensor.name)):{"dtype":"F32","shape":[\#(shape)],"data_offsets":[\#(offset),\#(end)]}"#)
            offset = end
        }
        var header = Array("{\(entries.joined(separator: ","))}".utf8)
        header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)

        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.count + offset)
        withUnsafeBytes(of: UInt64(header.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes += header
        for tensor in sorted {
            let bits = tensor.values.map(\.bitPattern.littleEndian)
            bits.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Names hold no control characters, so only quotes and backslashes need an escape.
    private func jsonString(_ name: String) -> String {
        let escaped = name.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }
        return "\"" + escaped.joined() + "\""
    }
}
