/// The entries of a zip file as `torch.save` writes it, where every byte has one meaning: stored entries without gaps
/// from the first byte on, the directory right after them, its end record last. Anything else is refused, so no other
/// reader can see other entries in the same bytes. Records: PKWARE APPNOTE 6.3.10, sections 4.3.7 to 4.3.16.
struct ZipArchive {
    /// One stored file: its full name and where its bytes stand.
    struct Entry {
        let name: String
        let place: Range<Int>
    }

    private static let endRecordBytes = 22
    private static let locatorBytes = 20
    private static let zip64RecordBytes = 56

    let entries: [Entry]

    init(_ bytes: [UInt8]) throws(WeightsError) {
        let directory = try ZipArchive.directory(bytes)
        var cursor = ByteCursor(bytes, in: directory.place, subject: "the zip directory")
        var entries: [Entry] = []
        var names = Set<String>()
        var expectedOffset = 0
        for _ in 0..<directory.count {
            let record = try ZipDirectoryRecord(&cursor)
            guard names.insert(record.name).inserted else {
                throw WeightsError(.duplicateName, "the zip directory holds \(quoted(record.name)) twice")
            }
            guard record.offset == expectedOffset else {
                throw WeightsError(
                    .archive,
                    "zip entry \(quoted(record.name)) begins at byte \(record.offset), byte \(expectedOffset) was "
                        + "expected: entries follow each other without gaps and overlaps")
            }
            var local = ByteCursor(
                bytes, in: record.offset..<directory.place.lowerBound, subject: "zip entry \(quoted(record.name))")
            entries.append(Entry(name: record.name, place: try record.place(&local)))
            expectedOffset = local.position
        }
        guard cursor.remaining == 0, expectedOffset == directory.place.lowerBound else {
            throw WeightsError(.archive, "the zip file holds bytes that belong to no entry, none were expected")
        }
        self.entries = entries
    }

    /// Where the directory stands and how many entries it lists, from the end record and, where there is one, the
    /// zip64 record, which must say the same.
    private static func directory(_ bytes: [UInt8]) throws(WeightsError) -> (place: Range<Int>, count: Int) {
        let endRecord = bytes.count - endRecordBytes
        guard endRecord >= 0, signature(bytes, at: endRecord) == 0x0605_4B50 else { throw noEndRecord(bytes) }
        var cursor = ByteCursor(bytes, in: (endRecord + 4)..<bytes.count, subject: "the zip end record")
        let disks = (try cursor.unsigned16(), try cursor.unsigned16())
        let counts = (try cursor.unsigned16(), try cursor.unsigned16())
        let (size, offset) = (try cursor.unsigned32(), try cursor.unsigned32())
        let commentBytes = try cursor.unsigned16()
        let end = try zip64Record(bytes, before: endRecord, count: counts.0, size: size, offset: offset) ?? endRecord
        guard disks == (0, 0), counts.0 == counts.1, commentBytes == 0, offset + size == end else {
            throw WeightsError(
                .archive, "the zip end record is not that of one file whose directory ends right before it")
        }
        return (offset..<end, counts.0)
    }

    /// The start of the zip64 record that a locator right before the end record names; nil without locator.
    private static func zip64Record(
        _ bytes: [UInt8], before endRecord: Int, count: Int, size: Int, offset: Int
    ) throws(WeightsError) -> Int? {
        let locator = endRecord - locatorBytes
        guard locator >= zip64RecordBytes, signature(bytes, at: locator) == 0x0706_4B50 else { return nil }
        let start = locator - zip64RecordBytes
        var cursor = ByteCursor(bytes, in: (locator + 4)..<endRecord, subject: "the zip64 locator")
        let place = (try cursor.unsigned32(), try cursor.unsigned64(), try cursor.unsigned32())
        guard place == (0, start, 1), signature(bytes, at: start) == 0x0606_4B50 else {
            throw WeightsError(.archive, "the zip64 record does not stand right before its locator, as was expected")
        }
        cursor = ByteCursor(bytes, in: (start + 4)..<locator, subject: "the zip64 record")
        let ownBytes = try cursor.unsigned64()
        _ = try cursor.take(4)
        let disks = (try cursor.unsigned32(), try cursor.unsigned32())
        let counts = (try cursor.unsigned64(), try cursor.unsigned64())
        let directory = (try cursor.unsigned64(), try cursor.unsigned64())
        guard ownBytes == zip64RecordBytes - 12, disks == (0, 0), counts == (count, count), directory == (size, offset)
        else { throw WeightsError(.archive, "the zip64 record and the zip end record differ, the same was expected") }
        return start
    }

    private static func noEndRecord(_ bytes: [UInt8]) -> WeightsError {
        let tail = max(0, bytes.count - 65_535 - endRecordBytes)
        let isBefore = (tail..<max(tail, bytes.count - endRecordBytes)).contains {
            signature(bytes, at: $0) == 0x0605_4B50
        }
        return isBefore
            ? WeightsError(.trailingData, "bytes follow the zip end record, which was expected to be the last")
            : WeightsError(.truncated, "the zip file is truncated: an end record was expected as its last 22 bytes")
    }

    /// The record signature at `offset`, which lies at least 4 bytes before the end.
    private static func signature(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        bytes[offset..<(offset + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
