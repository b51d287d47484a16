import Foundation
import PatchClassifier
import Testing

/// Plain 8-bit RGB is decoded without libpng: the same must be taken, with the same pixels, and refused in the same words.
@Suite struct PatchDecodingWaysTests {
    private static func expectTheSame(_ png: [UInt8], width: Int, height: Int, _ name: String) {
        expectTheSame(png, beside: png, width: width, height: height, name)
        let reference = Patch.decodedByLibpng(png, width: width, height: height)
        #expect(Patch.decoded([png], width: width, height: height) == [reference], "\(name) alone")
    }

    /// Beside `neighbour`, in either order, which is decoded as if it came alone.
    private static func expectTheSame(
        _ png: [UInt8], beside neighbour: [UInt8], width: Int = 96, height: Int = 96, _ name: String
    ) {
        let references = [png, neighbour].map { Patch.decodedByLibpng($0, width: width, height: height) }
        #expect(Patch.decoded([png, neighbour], width: width, height: height) == references, "\(name) first")
        #expect(
            Patch.decoded([neighbour, png], width: width, height: height) == references.reversed(), "\(name) second")
    }

    private static func tissue(_ number: Int) throws -> [UInt8] {
        try PatchSynthesizer(seed: 1).patch(number: number, tumor: number % 2 == 1).pngEncoded()
    }

    @Test func `every fixture is answered for as libpng does, beside an image that is good`() throws {
        for fixture in PatchImageFixture.accepted + PatchImageFixture.refused {
            let (width, height) = (fixture.width, fixture.height)
            let noise = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7) }
            let good = try Patch(width: width, height: height, rgb: noise).pngEncoded()
            Self.expectTheSame(
                try fixture.bytes(), beside: good, width: width, height: height, fixture.name)
        }
    }

    @Test func `tissue has libpng's pixels, whatever tissue is beside it`() throws {
        let patches = try (0..<50).map { try Self.tissue($0) }
        for (index, patch) in patches.enumerated() {
            Self.expectTheSame(patch, beside: patches[(index + 1) % patches.count], "patch \(index)")
        }
    }

    @Test(.enabled(if: RealPatches.areThere, "../shared/pcam/test is absent"))
    func `every real patch has libpng's pixels, whatever patch is beside it`() throws {
        let patches = try RealPatches.files().map { [UInt8](try Data(contentsOf: $0)) }
        #expect(patches.count == 1000)
        for (index, patch) in patches.enumerated() {
            Self.expectTheSame(patch, beside: patches[(index + 1) % patches.count], "patch \(index)")
        }
    }

    @Test(arguments: 0..<8)
    func `a stream of tissue that was changed is answered for as libpng does, and spoils no other`(seed: Int) throws {
        var random = RandomNumbers(state: UInt64(seed))
        let patch = try Self.tissue(seed), neighbour = try Self.tissue(seed + 1)
        let stream = zlibStream(of: patch)
        Self.expectTheSame(png(zlib: stream, width: 96, height: 96), beside: neighbour, "unchanged")
        var refused = 0
        for change in 0..<100 {
            var changed = stream
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let bit = Int.random(in: 0..<8 * changed.count, using: &random)
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
            }
            if change % 4 == 0 { changed.removeLast(Int.random(in: 1..<changed.count, using: &random)) }
            let image = png(zlib: changed, width: 96, height: 96)
            Self.expectTheSame(image, beside: neighbour, "change \(change)")
            if case .failure = Patch.decodedByLibpng(image, width: 96, height: 96) { refused += 1 }
        }
        #expect(refused > 50)
    }

    @Test func `every fixture is answered for as libpng does`() throws {
        for fixture in PatchImageFixture.accepted + PatchImageFixture.refused {
            Self.expectTheSame(try fixture.bytes(), width: fixture.width, height: fixture.height, fixture.name)
        }
    }

    @Test(arguments: 1...40)
    func `every filter in any order gives libpng's pixels`(seed: Int) throws {
        var random = RandomNumbers(state: UInt64(seed))
        let (width, height) = (Int.random(in: 1...70, using: &random), Int.random(in: 1...70, using: &random))
        let rows = (0..<height).flatMap { _ in
            [UInt8.random(in: 0...4, using: &random)]
                + (0..<3 * width).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        }
        Self.expectTheSame(try png(rows, width: width, height: height), width: width, height: height, "seed \(seed)")
    }

    @Test(arguments: 1...3, 1...5)
    func `two rows with any pair of filters give libpng's pixels, however narrow`(width: Int, height: Int) throws {
        var random = RandomNumbers(state: UInt64(10 * width + height))
        for pair in 0..<25 {
            var rows: [UInt8] = []
            for row in 0..<height {
                rows.append(UInt8(row % 2 == 0 ? pair / 5 : pair % 5))
                for _ in 0..<3 * width { rows.append(UInt8.random(in: .min ... .max, using: &random)) }
            }
            let image = try png(rows, width: width, height: height)
            Self.expectTheSame(image, width: width, height: height, "pair \(pair)")
        }
    }

    @Test(arguments: [5, 9, 255])
    func `a filter that PNG does not have is refused`(filter: UInt8) throws {
        let rows = [0, 1, 2, 3, filter, 4, 5, 6].map { UInt8($0) }
        let image = try png(rows, width: 1, height: 2)
        Self.expectTheSame(image, width: 1, height: 2, "filter \(filter)")
        #expect(throws: PatchDecodingError.self) { try Patch(png: image, width: 1, height: 2) }
    }

    /// Bits of a deflated stream, first bits first, each number as wide as it is said to be.
    private struct Bits {
        var bytes: [UInt8] = []
        private var count = 0

        mutating func append(_ value: Int, _ width: Int, codeFirstBitHighest: Bool = false) {
            for place in 0..<width {
                let bit = value >> (codeFirstBitHighest ? width - 1 - place : place) & 1
                if count % 8 == 0 { bytes.append(0) }
                bytes[count / 8] |= UInt8(bit << (count % 8))
                count += 1
            }
        }
    }

    /// A block of fixed codes: `literals`, then a length symbol and an offset symbol as codes, then the end.
    private static func fixedBlock(literals: Int, lengthCode: (Int, Int), offsetCode: (Int, Int)) -> [UInt8] {
        var bits = Bits()
        bits.append(1, 1)
        bits.append(1, 2)
        for _ in 0..<literals { bits.append(0x30, 8, codeFirstBitHighest: true) }
        bits.append(lengthCode.0, lengthCode.1, codeFirstBitHighest: true)
        bits.append(offsetCode.0, offsetCode.1, codeFirstBitHighest: true)
        bits.append(0, 7)
        return bits.bytes
    }

    @Test func `codes that deflating reserves are refused`() throws {
        // A row of one pixel is four bytes: one literal and a length of three, symbol 257, one byte back, symbol 0.
        let good = Self.fixedBlock(literals: 1, lengthCode: (1, 7), offsetCode: (0, 5))
        let image = try png(deflated: good, content: [0, 0, 0, 0], width: 1, height: 1)
        Self.expectTheSame(image, width: 1, height: 1, "good")
        #expect(try Patch(png: image, width: 1, height: 1).rgb == [0, 0, 0])
        for symbol in [286, 287] {
            // 280...287 have codes of eight bits from 0b11000000 on. libdeflate takes both for a length of 258.
            let content = [UInt8](repeating: 0, count: 259)
            let block = Self.fixedBlock(literals: 1, lengthCode: (0b1100_0000 + symbol - 280, 8), offsetCode: (0, 5))
            // 259 bytes are seven rows of 12 pixels.
            let image = try png(deflated: block, content: content, width: 12, height: 7)
            Self.expectTheSame(image, width: 12, height: 7, "length \(symbol)")
            #expect(throws: PatchDecodingError.self) { try Patch(png: image, width: 12, height: 7) }
        }
        for symbol in [30, 31] {
            let block = Self.fixedBlock(literals: 1, lengthCode: (1, 7), offsetCode: (symbol, 5))
            let image = try png(deflated: block, content: [0, 0, 0, 0], width: 1, height: 1)
            Self.expectTheSame(image, width: 1, height: 1, "offset \(symbol)")
            #expect(throws: PatchDecodingError.self) { try Patch(png: image, width: 1, height: 1) }
        }
    }

    @Test func `what the fuzzer found is answered for as libpng does`() throws {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/fuzzed/decoding")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(files.count > 50)
        var taken = 0
        for file in files {
            let bytes = Array(try Data(contentsOf: folder.appending(path: file)))
            guard bytes.count > 2 else { continue }
            let (width, height) = (1 + Int(bytes[0]) % 32, 1 + Int(bytes[1]) % 32)
            let rows = Array(bytes.dropFirst(2).prefix(height * (1 + 3 * width)))
            Self.expectTheSame(try png(rows, width: width, height: height), width: width, height: height, file)
            // As a deflated stream its checksum is that of no content; whoever refuses it must do so before that.
            let image = try png(deflated: Array(bytes.dropFirst(2)), content: [], width: width, height: height)
            Self.expectTheSame(image, width: width, height: height, "\(file) deflated")
            if case .success = Patch.decodedByLibpng(
                try png(rows, width: width, height: height), width: width, height: height)
            {
                taken += 1
            }
        }
        #expect(taken > 0)
    }
}

// MARK: Making PNGs

/// An 8-bit RGB PNG of filtered rows, stored as they are.
private func png(_ rows: [UInt8], width: Int, height: Int) throws -> [UInt8] {
    var deflated: [UInt8] = []
    var rest = rows[...]
    repeat {
        let block = rest.prefix(65535)
        rest = rest.dropFirst(65535)
        let count = UInt16(block.count)
        deflated += [
            rest.isEmpty ? 1 : 0, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8),
        ]
        deflated += block
    } while !rest.isEmpty
    return try png(deflated: deflated, content: rows, width: width, height: height)
}

/// The same of a deflated stream, and the content that its checksum is to be of.
private func png(deflated: [UInt8], content: [UInt8], width: Int, height: Int) throws -> [UInt8] {
    var (sum, sums) = (1, 0)
    for byte in content {
        sum = (sum + Int(byte)) % 65521
        sums = (sums + sum) % 65521
    }
    return png(zlib: [0x78, 0x9c] + deflated + bigEndian(sums << 16 | sum), width: width, height: height)
}

/// The same of a whole zlib stream, in one chunk.
private func png(zlib stream: [UInt8], width: Int, height: Int) -> [UInt8] {
    let header = bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]
    return [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10] + chunk("IHDR", header) + chunk("IDAT", stream) + chunk("IEND", [])
}

/// What the IDAT chunks of a PNG hold together.
private func zlibStream(of png: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = []
    var rest = png.dropFirst(8)
    while rest.count >= 12 {
        let size = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        if rest.dropFirst(4).prefix(4).elementsEqual("IDAT".utf8) { stream += rest.dropFirst(8).prefix(size) }
        rest = rest.dropFirst(12 + size)
    }
    return stream
}

private func bigEndian(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(value >> $0 & 255) }
}

private func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let checked = Array(type.utf8) + content
    var crc: UInt32 = .max
    for byte in checked {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xedb8_8320 : 0) }
    }
    return bigEndian(content.count) + checked + bigEndian(Int(~crc))
}
