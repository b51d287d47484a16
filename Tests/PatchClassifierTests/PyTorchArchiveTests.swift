import PatchClassifier
import Testing

/// A zip of stored entries, as PyTorch's except for what a test changes.
struct ZipFixture {
    struct Entry {
        var name: String
        var bytes: [UInt8]
        var flags = 0x0800
        var method = 0
        /// What the entry's own header says, where it differs from the directory.
        var localName: String?
        var localMethod: Int?
        var checksum: Int?
        var claimedBytes: Int?
        var extra: [UInt8] = []
        var directoryExtra: [UInt8] = []
        var note: [UInt8] = []
        var gap: [UInt8] = []
        var offset: Int?
    }

    var entries: [Entry]
    var prefix: [UInt8] = []
    var beforeDirectory: [UInt8] = []
    var comment: [UInt8] = []
    var claimedCount: Int?
    var disk = 0
    var directoryShift = 0

    /// The file with this state_dict pickle and one storage "0" of two values.
    init(pickle: [UInt8] = PickleFixture.stateDict, storage: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]) {
        entries = [
            Entry(name: "m/data.pkl", bytes: pickle), Entry(name: "m/data/0", bytes: storage),
            Entry(name: "m/version", bytes: Array("3\n".utf8)),
        ]
    }

    var bytes: [UInt8] {
        var (file, directory) = (prefix, [UInt8]())
        for entry in entries {
            let offset = file.count
            let sizes = [
                entry.checksum ?? crc(entry.bytes), entry.claimedBytes ?? entry.bytes.count, entry.bytes.count,
            ]
            let numbers = sizes.flatMap { [UInt8](littleEndian: $0, count: 4) }
            let localName = Array((entry.localName ?? entry.name).utf8)
            file += [0x50, 0x4B, 3, 4, 0, 0] + half(entry.flags) + half(entry.localMethod ?? entry.method)
            file += [0, 0, 0, 0] + (entry.flags & 8 == 0 ? numbers : Array(repeating: 0, count: 12))
            file += half(localName.count) + half(entry.extra.count) + localName + entry.extra + entry.bytes
            file += (entry.flags & 8 == 0 ? [] : [0x50, 0x4B, 7, 8] + numbers) + entry.gap
            directory +=
                [0x50, 0x4B, 1, 2, 0, 0, 0, 0] + half(entry.flags) + half(entry.method) + [0, 0, 0, 0] + numbers
            directory += half(entry.name.utf8.count) + half(entry.directoryExtra.count) + half(entry.note.count)
            directory += Array(repeating: 0, count: 8) + [UInt8](littleEndian: entry.offset ?? offset, count: 4)
            directory += Array(entry.name.utf8) + entry.directoryExtra + entry.note
        }
        file += beforeDirectory
        let place =
            [UInt8](littleEndian: directory.count, count: 4)
            + .init(littleEndian: file.count + directoryShift, count: 4)
        let count = half(claimedCount ?? entries.count)
        return file + directory + [0x50, 0x4B, 5, 6] + half(disk) + half(disk) + count + count + place
            + half(comment.count) + comment
    }

    private func half(_ value: Int) -> [UInt8] { .init(littleEndian: value, count: 2) }

    /// CRC-32 bit by bit, written apart from the product's.
    private func crc(_ bytes: [UInt8]) -> Int {
        var crc = UInt32.max
        for bit in 0..<(8 * bytes.count) {
            let input = UInt32(bytes[bit / 8] >> (bit % 8) & 1)
            crc = (crc ^ input) & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1
        }
        return Int(~crc)
    }
}

@Suite struct PyTorchArchiveTests {
    /// A change of a good archive and the code it must be refused with.
    struct Trick: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let code: WeightsError.Code
        let play: @Sendable (inout ZipFixture) -> Void

        init(
            _ description: String, _ code: WeightsError.Code = .archive,
            play: @escaping @Sendable (inout ZipFixture) -> Void
        ) {
            (testDescription, self.code, self.play) = (description, code, play)
        }
    }

    @Test(arguments: [0, 0x0008, 0x0800, 0x0808], [[], [0x46, 0x42, 2, 0, 0x5A, 0x5A]] as [[UInt8]])
    func `stored entries with and without descriptors and padding are read`(flags: Int, extra: [UInt8]) throws {
        var zip = ZipFixture()
        for index in zip.entries.indices { (zip.entries[index].flags, zip.entries[index].extra) = (flags, extra) }
        zip.entries.append(.init(name: "m/byteorder", bytes: Array("little".utf8)))
        let weights = try Weights(contentsOf: zip.bytes)
        #expect(try weights == Weights(tensors: [.init(name: "w", shape: [2], values: [1, 2])]))
    }

    @Test(arguments: [
        Trick("compressed entry") { $0.entries[1].method = 8 },
        Trick("compressed entry, said in its own header only") { $0.entries[1].localMethod = 8 },
        Trick("encrypted entry") { $0.entries[1].flags = 0x0801 },
        Trick("patched data flag") { $0.entries[1].flags = 0x0820 },
        Trick("other name in the entry's own header") { $0.entries[1].localName = "m/data/9" },
        Trick("other length of name in the entry's own header", .archive) { $0.entries[1].localName = "m/data/10" },
        Trick("wrong checksum", .checksumMismatch) { $0.entries[1].checksum = 1 },
        Trick("wrong checksum in a descriptor", .checksumMismatch) {
            ($0.entries[1].checksum, $0.entries[1].flags) = (1, 8)
        },
        Trick("sizes that differ") { $0.entries[1].claimedBytes = 4 },
        Trick("entry twice", .duplicateName) { $0.entries.append($0.entries[1]) },
        Trick("overlapping entries") { $0.entries[2].offset = 0 },
        Trick("entry outside the file") { $0.entries[2].offset = 1 << 31 },
        Trick("gap between entries") { $0.entries[1].gap = [0] },
        Trick("bytes before the first entry", .unrecognizedFormat) { $0.prefix = [0] },
        Trick("entry before the first one that is not listed") {
            $0.prefix = Array(ZipFixture().bytes.prefix(64))
        },
        Trick("bytes before the directory") { $0.beforeDirectory = [0] },
        Trick("comment", .trailingData) { $0.comment = Array("hello".utf8) },
        Trick("comment that ends in an end record") { $0.comment = Array(ZipFixture().bytes.suffix(22)) },
        Trick("comment of an entry") { $0.entries[1].note = [1] },
        Trick("zip64 extra field in the directory") {
            $0.entries[1].directoryExtra = [1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        },
        Trick("zip64 extra field in the entry") { $0.entries[1].extra = [1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
        Trick("padding with another content") { $0.entries[1].extra = [0x46, 0x42, 2, 0, 0x5A, 0x5B] },
        Trick("padding that claims too much", .archive) { $0.entries[1].extra = [0x46, 0x42, 3, 0, 0x5A, 0x5A] },
        Trick("extra field of one byte", .archive) { $0.entries[1].extra = [0x46] },
        Trick("fewer entries claimed") { $0.claimedCount = 2 },
        Trick("more entries claimed", .truncated) { $0.claimedCount = 4 },
        Trick("several disks") { $0.disk = 1 },
        Trick("directory elsewhere") { $0.directoryShift = -1 },
        Trick("directory past the end") { $0.directoryShift = 1 << 30 },
        Trick("no entries", .unrecognizedFormat) { $0.entries = [] },
        Trick("path out of the folder") { $0.entries[2].name = "m/../../x" },
        Trick("absolute path") { $0.entries[2].name = "/m/version" },
        Trick("backslash path") { $0.entries[2].name = "m\\version" },
        Trick("path with a zero byte") { $0.entries[2].name = "m/version\0" },
        Trick("entry in another folder") { $0.entries[2].name = "n/version" },
        Trick("entry without folder") { $0.entries[2].name = "version" },
        Trick("code of TorchScript") { $0.entries[2].name = "m/code/__torch__.py" },
        Trick("second pickle") { $0.entries[2].name = "m/constants.pkl" },
        Trick("no pickle") { $0.entries[0].name = "m/data.txt" },
        Trick("storage in a subfolder") { $0.entries[1].name = "m/data/0/1" },
        Trick("storage that no tensor uses", .storage) {
            $0.entries.append(.init(name: "m/data/1", bytes: [0, 0, 0, 0]))
        },
        Trick("storage missing", .storage) { $0.entries.remove(at: 1) },
        Trick("storage under another key", .storage) { $0.entries[1].name = "m/data/1" },
        Trick("storage too short", .storage) { $0.entries[1].bytes.removeLast() },
        Trick("storage too long", .storage) { $0.entries[1].bytes.append(0) },
        Trick("big-endian values", .byteOrder) {
            $0.entries.append(.init(name: "m/byteorder", bytes: Array("big".utf8)))
        },
        Trick("bytes behind the pickle", .trailingData) { $0.entries[0].bytes.append(0x2E) },
        Trick("empty pickle", .truncated) { $0.entries[0].bytes = [] },
        Trick("NaN", .notFinite) { $0.entries[1].bytes[2...3] = [0xC0, 0x7F] },
        Trick("infinity", .notFinite) { $0.entries[1].bytes[2...3] = [0x80, 0xFF] },
    ])
    func `zip tricks are refused`(trick: Trick) throws {
        var zip = ZipFixture()
        trick.play(&zip)
        let error = try #require(refusal(of: zip.bytes))
        #expect(error.code == trick.code, "\(error)")
    }

    /// Places count from the end of the file: the end record is 22 bytes, its locator 20, the zip64 record 56.
    @Test(arguments: [-98, -94, -82, -78, -74, -66, -58, -50, -42, -38, -34, -26, -22, -18, -16, -14, -12, -10, -6, -2])
    func `a zip64 record, its locator and the end record must all say the same`(place: Int) throws {
        var bytes = try WeightsFixtures.bytes("small_archive.pt")
        bytes[bytes.count + place] ^= 1
        let error = try #require(refusal(of: bytes))
        #expect([.archive, .truncated, .trailingData].contains(error.code), "\(error)")
    }
}
