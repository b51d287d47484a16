/// Reads `torch.save`'s older stream format: four pickles (magic, protocol version, system, state_dict), a fifth with
/// the storages' keys, then for each key a 64-bit count and that many float32 values.
func readPyTorchStream(_ bytes: [UInt8]) throws(WeightsError) -> [Weights.Tensor] {
    var position = WeightsFormat.streamMagic.count
    func next(_ subject: String) throws(WeightsError) -> (PickleValue, PickleReader) {
        var reader = PickleReader(bytes, in: position..<bytes.count, subject: subject)
        let value = try reader.read()
        position = reader.cursor.position
        return (value, reader)
    }
    let (version, _) = try next("the stream's protocol version")
    guard version == .integer(1001) else {
        throw WeightsError(.unrecognizedFormat, "the stream is not of protocol version 1001, which was expected")
    }
    let (system, systemReader) = try next("the stream's system description")
    try checkByteOrder(system, systemReader)
    let (root, reader) = try next("the stream's state_dict")
    let stateDict = try StateDict(root, from: reader)
    let (keys, keysReader) = try next("the stream's list of storages")
    return try stateDict.tensors(
        in: bytes, places: storagePlaces(keys, keysReader, in: bytes, from: position))
}

/// The system description says that values are little-endian.
private func checkByteOrder(_ system: PickleValue, _ reader: PickleReader) throws(WeightsError) {
    guard case .dictionary(let index) = system else {
        throw WeightsError(.malformed, "the stream's system description is no dictionary, as was expected")
    }
    let orders = reader.dictionaries[index].filter { $0.key == .text("little_endian") }.map(\.value)
    guard orders == [.bool(true)] else {
        throw WeightsError(.byteOrder, "the stream does not say that its values are little-endian, as was expected")
    }
}

/// Where each storage's values stand, in the order of `keys`, the last one ending with the file.
private func storagePlaces(
    _ keys: PickleValue, _ reader: PickleReader, in bytes: [UInt8], from position: Int
) throws(WeightsError) -> [String: Range<Int>] {
    guard case .list(let index) = keys else {
        throw WeightsError(.malformed, "the stream's storages are no list, as was expected")
    }
    var cursor = ByteCursor(bytes, in: position..<bytes.count, subject: "the stream")
    var places: [String: Range<Int>] = [:]
    for key in reader.lists[index] {
        guard case .text(let key) = key, places[key] == nil else {
            throw WeightsError(.malformed, "the stream's list of storages holds no text, or one twice")
        }
        let count = try cursor.unsigned64()
        guard count <= Weights.maximumBytes / 4 else {
            throw WeightsError(.tooLarge, "storage \(quoted(key)) claims \(count) values, fewer were expected")
        }
        places[key] = try cursor.take(4 * count)
    }
    guard cursor.remaining == 0 else {
        throw WeightsError(
            .trailingData, "\(cursor.remaining) bytes follow the last storage, the stream's end was expected")
    }
    return places
}
