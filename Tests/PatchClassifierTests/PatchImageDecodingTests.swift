import Foundation
import PatchClassifier
import Testing

@Suite struct PatchImageDecodingTests {
    @Test func `the lists of fixtures are complete`() {
        #expect(PatchImageFixture.accepted.count == 61)
        #expect(PatchImageFixture.refused.count == 108)
        #expect(PatchImageFixture.refused.allSatisfy { $0.code != nil })
        let reasons = Set(PatchImageFixture.refused.compactMap(\.code))
        #expect(reasons == Set(PatchDecodingError.Code.allCases).subtracting([.outOfMemory]))
    }

    @Test(arguments: PatchImageFixture.accepted)
    func `every kind of opaque PNG gives the pixels that Pillow gives`(fixture: PatchImageFixture) throws {
        let patch = try Patch(png: fixture.bytes(), width: fixture.width, height: fixture.height)
        #expect(patch.width == fixture.width)
        #expect(patch.height == fixture.height)
        #expect(try patch.rgb == fixture.pixels())
    }

    @Test(arguments: PatchImageFixture.refused)
    func `every bad image is refused for its reason in a sentence`(fixture: PatchImageFixture) throws {
        let bytes = try fixture.bytes()
        let error = #expect(throws: PatchDecodingError.self) {
            _ = try Patch(png: bytes, width: fixture.width, height: fixture.height)
        }
        #expect(error?.code == fixture.code)
        #expect(error?.isTransient == false)
        let message = try #require(error?.message)
        #expect(message.hasSuffix(".") && message.count > 20 && message.count < 199, "\(message)")
    }

    @Test(arguments: ["palette-2-interlaced", "rgb-8", "text-and-time", "rgb-unused-key", "image-data-in-bytes"])
    func `a PNG cut off anywhere is refused as truncated`(name: String) throws {
        let fixture = try #require(PatchImageFixture.accepted.first { $0.name == name })
        let whole = try fixture.bytes()
        for count in 1..<whole.count {
            let error = #expect(throws: PatchDecodingError.self) {
                _ = try Patch(png: Array(whole[..<count]), width: fixture.width, height: fixture.height)
            }
            #expect(error?.code == .truncated, "after \(count) bytes")
        }
    }

    @Test(arguments: ["palette-unused-transparency", "grey-alpha-16-interlaced", "private-chunk", "rgb-unused-key"])
    func `a PNG with any one bit turned is refused`(name: String) throws {
        let fixture = try #require(PatchImageFixture.accepted.first { $0.name == name })
        var bytes = try fixture.bytes()
        for bit in 0..<(bytes.count * 8) {
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: PatchDecodingError.self, "bit \(bit)") {
                _ = try Patch(png: bytes, width: fixture.width, height: fixture.height)
            }
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
        #expect(try Patch(png: bytes, width: fixture.width, height: fixture.height).rgb == fixture.pixels())
    }

    @Test func `a refusal says what was found and what was expected`() throws {
        let messages = [
            "other.jpeg": "The bytes look like JPEG; a PNG was expected.",
            "size-97x96.png": "The image is 97 x 96 pixels; 96 x 96 were expected.",
            "checksum-of-private-chunk.png": "The PNG is damaged: the checksum of a chunk laBx is wrong.",
            "trailing-byte.png": "The PNG ends 1 bytes before the message does.",
        ]
        for (name, message) in messages {
            let fixture = try #require(PatchImageFixture.refused.first { $0.name == name })
            let bytes = try fixture.bytes()
            let error = #expect(throws: PatchDecodingError.self) {
                _ = try Patch(png: bytes, width: fixture.width, height: fixture.height)
            }
            #expect(error?.message == message)
        }
    }

    @Test func `an expected size that no image can have refuses every image`() throws {
        let fixture = try #require(PatchImageFixture.accepted.first { $0.name == "rgb-8" })
        let bytes = try fixture.bytes()
        for (width, height) in [(0, 11), (13, 0), (-13, 11), (Int.max, 11), (13, Int.min)] {
            let error = #expect(throws: PatchDecodingError.self) {
                _ = try Patch(png: bytes, width: width, height: height)
            }
            #expect(error?.code == .wrongSize)
        }
    }

    @Test(.enabled(if: RealPatches.areThere, "../shared/pcam/test is absent"))
    func `every real patch has the pixels its name was hashed from`() throws {
        let files = try RealPatches.files()
        #expect(files.count == 1000)
        for file in files {
            let patch = try Patch(png: [UInt8](Data(contentsOf: file)), width: 96, height: 96)
            #expect(SHA1.hex(patch.rgb) == file.deletingPathExtension().lastPathComponent)
        }
    }
}

/// SHA-1 (FIPS 180-4), only to check pixels against the names of the real patches.
enum SHA1 {
    static func hex(_ message: [UInt8]) -> String {
        var bytes = message + [0x80]
        while bytes.count % 64 != 56 { bytes.append(0) }
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: (message.count * 8) >> shift))
        }
        var hash: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        bytes.withUnsafeBufferPointer { buffer in
            for start in stride(from: 0, to: buffer.count, by: 64) {
                absorb(UnsafeBufferPointer(rebasing: buffer[start..<(start + 64)]), into: &hash)
            }
        }
        return hash.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private static func absorb(_ block: UnsafeBufferPointer<UInt8>, into hash: inout [UInt32]) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
            for i in 0..<80 {
                words[i] =
                    i < 16
                    ? (0..<4).reduce(0) { $0 << 8 | UInt32(block[4 * i + $1]) }
                    : rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1)
            }
            var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
            for i in 0..<80 {
                let (mix, constant): (UInt32, UInt32) =
                    switch i / 20 {
                    case 0: (b & c | ~b & d, 0x5a82_7999)
                    case 1: (b ^ c ^ d, 0x6ed9_eba1)
                    case 2: (b & c | b & d | c & d, 0x8f1b_bcdc)
                    default: (b ^ c ^ d, 0xca62_c1d6)
                    }
                (a, b, c, d, e) = (rotated(a, 5) &+ mix &+ e &+ constant &+ words[i], a, rotated(b, 30), c, d)
            }
            hash = [hash[0] &+ a, hash[1] &+ b, hash[2] &+ c, hash[3] &+ d, hash[4] &+ e]
        }
    }

    private static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
}
