import PatchClassifier
import Testing

/// A small repeatable source of random numbers (SplitMix64, Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

@Suite struct WeightsCorruptionTests {
    private static let files = ["small.safetensors", "metadata.safetensors", "small_archive.pt", "small_stream.pt"]

    @Test(arguments: files)
    func `a file cut at any byte is refused`(file: String) throws {
        let bytes = try WeightsFixtures.bytes(file)
        let allowed: Set<WeightsError.Code> = [.truncated, .unrecognizedFormat]
        let wrong = bytes.indices.filter { count in
            guard let error = refusal(of: Array(bytes[..<count])) else { return true }
            return !allowed.contains(error.code)
        }
        #expect(wrong.isEmpty)
    }

    @Test(arguments: files)
    func `a file with anything behind it is refused`(file: String) throws {
        let bytes = try WeightsFixtures.bytes(file)
        for tail in [[0], [0x20], Array(repeating: 0x5A, count: 100), bytes, Array(bytes.suffix(22))] as [[UInt8]] {
            #expect(refusal(of: bytes + tail) != nil)
        }
    }

    @Test func `a PyTorch archive with any bit flipped is refused or holds the same values`() throws {
        let bytes = try WeightsFixtures.bytes("small_archive.pt")
        let whole = try Weights(contentsOf: bytes).canonicalBytes
        var refused = 0
        for index in bytes.indices {
            var flipped = bytes
            flipped[index] ^= 1 << UInt8(index % 8)
            guard refusal(of: flipped) == nil else {
                refused += 1
                continue
            }
            #expect(try Weights(contentsOf: flipped).canonicalBytes == whole, "flip at \(index)")
        }
        #expect(refused > bytes.count * 9 / 10)
    }

    @Test(arguments: files)
    func `a damaged file is refused with a sentence or read as finite values`(file: String) throws {
        let bytes = try WeightsFixtures.bytes(file)
        var random = SplitMix64(state: 20_260_101)
        var refused = 0
        for _ in 0..<2000 {
            if let error = refusal(of: damaged(bytes, &random)) {
                refused += 1
                #expect(error.message.utf8.allSatisfy { $0 >= 0x20 }, "\(error)")
            }
        }
        #expect(refused > 500)
    }

    /// Between one and four random edits: a byte changed, bytes removed, repeated or set to an extreme number.
    private func damaged(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 16 {
            // Half of the edits go to the first kilobyte, where headers and pickles are.
            let reach = Bool.random(using: &random) ? min(1024, bytes.count) : bytes.count
            let place = Int.random(in: 0..<(reach - 8), using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] = .random(in: .min ... .max, using: &random)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(place..<(place + Int.random(in: 1...8, using: &random)))
            case 3:
                bytes.insert(contentsOf: bytes[place..<(place + 8)], at: Int.random(in: 0..<place + 1, using: &random))
            case 4: bytes.replaceSubrange(place..<(place + 4), with: [0xFF, 0xFF, 0xFF, 0x7F])
            default: bytes.replaceSubrange(place..<(place + 8), with: Array(repeating: 0xFF, count: 8))
            }
        }
        return bytes
    }
}
