/// What a zip's directory and an entry's own header both say, and must agree on.
private struct ZipHeader: Equatable {
    var flags = 0
    var method = 0
    var time = 0
    var date = 0
    var checksum = 0
    var storedBytes = 0
    var plainBytes = 0

    /// Reads the fields from the flags on, which stand in the same order in both records.
    init(_ cursor: inout ByteCursor) throws(WeightsError) {
        flags = try cursor.unsigned16()
        method = try cursor.unsigned16()
        time = try cursor.unsigned16()
        date = try cursor.unsigned16()
        (checksum, storedBytes, plainBytes) = (
            try cursor.unsigned32(), try cursor.unsigned32(), try cursor.unsigned32()
        )
    }

    /// Checksum and sizes stand behind the bytes, not in the entry's own header.
    var hasDescriptor: Bool { flags & 0x0008 != 0 }
}

/// One entry's record in a zip's directory.
struct ZipDirectoryRecord {
    private static let utf8Flag = 0x0800
    private static let descriptorFlag = 0x0008

    let name: String
    /// Where the entry's own header begins.
    let offset: Int
    private let header: ZipHeader

    init(_ cursor: inout ByteCursor) throws(WeightsError) {
        guard try cursor.unsigned32() == 0x0201_4B50 else {
            throw WeightsError(
                .archive, "the zip directory is malformed: an entry was expected at \(cursor.position - 4)")
        }
        _ = try cursor.take(4)  // versions made by and needed
        header = try ZipHeader(&cursor)
        let lengths = (name: try cursor.unsigned16(), extra: try cursor.unsigned16(), note: try cursor.unsigned16())
        let disk = try cursor.unsigned16()
        _ = try cursor.take(6)  // internal and external attributes
        offset = try cursor.unsigned32()
        name = try cursor.text(lengths.name)
        guard lengths.extra == 0, lengths.note == 0, disk == 0 else {
            throw WeightsError(.archive, "zip entry \(quoted(name)) has extra fields or a comment, none were expected")
        }
        try check()
    }

    private func check() throws(WeightsError) {
        guard header.flags & ~(ZipDirectoryRecord.utf8Flag | ZipDirectoryRecord.descriptorFlag) == 0 else {
            let found = header.flags & 1 == 1 ? "is encrypted" : "has flags 0x\(String(header.flags, radix: 16))"
            throw WeightsError(.archive, "zip entry \(quoted(name)) \(found), a plain entry was expected")
        }
        guard header.method == 0, header.storedBytes == header.plainBytes else {
            throw WeightsError(
                .archive, "zip entry \(quoted(name)) is compressed, a stored one was expected as torch.save writes it")
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\\" && $0.value != 0x7F }
        guard isPlain, parts.count > 1, !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
            throw WeightsError(
                .archive, "a zip entry is named \(quoted(name)), a path such as 'NAME/data.pkl' was expected")
        }
    }

    /// Reads the entry's own header, its bytes and, where flagged, its descriptor, checks that all agree with the
    /// directory and with the checksum, and gives the place of the bytes. `cursor` then stands behind the entry.
    func place(_ cursor: inout ByteCursor) throws(WeightsError) -> Range<Int> {
        guard try cursor.unsigned32() == 0x0403_4B50 else { throw disagreement }
        _ = try cursor.take(2)  // version needed
        let local = try ZipHeader(&cursor)
        let lengths = (name: try cursor.unsigned16(), extra: try cursor.unsigned16())
        guard try cursor.text(lengths.name) == name, local == expectedLocal else { throw disagreement }
        try skipPadding(&cursor, lengths.extra)
        let place = try cursor.take(header.storedBytes)
        if header.hasDescriptor { try checkDescriptor(&cursor) }
        guard crc32(cursor.bytes[place]) == header.checksum else {
            throw WeightsError(
                .checksumMismatch, "zip entry \(quoted(name)) does not have the CRC-32 that the directory expects")
        }
        return place
    }

    /// The directory's fields as the entry's own header must repeat them.
    private var expectedLocal: ZipHeader {
        var expected = header
        if header.hasDescriptor { (expected.checksum, expected.storedBytes, expected.plainBytes) = (0, 0, 0) }
        return expected
    }

    /// PyTorch aligns an entry's bytes by an extra field 'FB' filled with 'Z'; any other extra field is refused.
    private func skipPadding(_ cursor: inout ByteCursor, _ count: Int) throws(WeightsError) {
        guard count > 0 else { return }
        let field = cursor.bytes[try cursor.take(count)]
        let expected = [0x46, 0x42, UInt8(truncatingIfNeeded: count - 4), UInt8(truncatingIfNeeded: (count - 4) >> 8)]
        guard count >= 4, field.starts(with: expected), field.dropFirst(4).allSatisfy({ $0 == UInt8(ascii: "Z") })
        else {
            throw WeightsError(
                .archive, "zip entry \(quoted(name)) has an extra field, only torch.save's padding was expected")
        }
    }

    private func checkDescriptor(_ cursor: inout ByteCursor) throws(WeightsError) {
        let signature = try cursor.unsigned32()
        let values = (try cursor.unsigned32(), try cursor.unsigned32(), try cursor.unsigned32())
        let expected = (header.checksum, header.storedBytes, header.plainBytes)
        guard signature == 0x0807_4B50, values == expected else { throw disagreement }
    }

    private var disagreement: WeightsError {
        WeightsError(
            .archive, "zip entry \(quoted(name)) describes itself otherwise than the directory, the same was expected")
    }
}

/// CRC-32 as in zip and PNG (reflected polynomial 0xEDB88320).
private func crc32(_ bytes: ArraySlice<UInt8>) -> Int {
    let table = crcTable
    return Int(~bytes.reduce(UInt32.max) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 })
}

private let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
}
