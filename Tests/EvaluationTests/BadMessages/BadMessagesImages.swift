/// PNG files written by hand, so that any part of one can be wrong. Source: PNG specification, third edition.
struct HandmadePNG {
    /// How pixels are stored: the colour type of the header, and bits a channel.
    enum Form { case rgb8, rgb16, rgba8(alpha: UInt8), palette8 }

    var width = 96
    var height = 96
    var form = Form.rgb8
    var isInterlaced = false
    /// Chunks between header and image data.
    var extra: [Chunk] = []
    /// Instead of the compressed pixels.
    var imageData: [UInt8]?

    /// A chunk: its type and what it holds.
    struct Chunk {
        let type: String
        let content: [UInt8]

        init(_ type: String, _ content: [UInt8]) {
            self.type = type
            self.content = content
        }

        var bytes: [UInt8] {
            let typed = Array(type.utf8) + content
            return bigEndian(UInt32(content.count)) + typed + bigEndian(checksum(typed))
        }
    }

    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    var chunks: [Chunk] {
        [header] + extra + (isPalette ? [palette] : [])
            + [Chunk("IDAT", imageData ?? Deflate.stored(scanlines)), Chunk("IEND", [])]
    }

    var bytes: [UInt8] { HandmadePNG.signature + chunks.flatMap(\.bytes) }

    private var isPalette: Bool { if case .palette8 = form { true } else { false } }

    private var header: Chunk {
        let (depth, colour): (UInt8, UInt8) =
            switch form {
            case .rgb8: (8, 2)
            case .rgb16: (16, 2)
            case .rgba8: (8, 6)
            case .palette8: (8, 3)
            }
        let size = bigEndian(UInt32(width)) + bigEndian(UInt32(height))
        return Chunk("IHDR", size + [depth, colour, 0, 0, isInterlaced ? 1 : 0])
    }

    private var palette: Chunk { Chunk("PLTE", (0...255).flatMap { HandmadePNG.colour(UInt8($0)) }) }

    /// Rows of filter type 0; of the seven passes one after the other where interlaced.
    private var scanlines: [UInt8] {
        let passes =
            isInterlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        return passes.flatMap { firstX, firstY, stepX, stepY in
            stride(from: firstY, to: height, by: stepY).flatMap { y in
                [0] + stride(from: firstX, to: width, by: stepX).flatMap { stored(shade(x: $0, y: y)) }
            }
        }
    }

    private func shade(x: Int, y: Int) -> UInt8 { UInt8((x * 7 + y * 13 + x * y / 5) % 251) }

    private func stored(_ shade: UInt8) -> [UInt8] {
        let colour = HandmadePNG.colour(shade)
        switch form {
        case .rgb8: return colour
        case .rgb16: return colour.flatMap { [$0, $0 ^ 0x5A] }  // the low byte says nothing
        case .rgba8(let alpha): return colour + [alpha]
        case .palette8: return [shade]
        }
    }

    /// Pink to violet.
    private static func colour(_ shade: UInt8) -> [UInt8] { [200 - shade / 4, 120 - shade / 3, 190 - shade / 5] }
}

/// Deflate streams in zlib's wrapping (RFC 1950, 1951) without a compressor.
enum Deflate {
    /// The bytes as they are, in stored blocks.
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        for start in stride(from: 0, to: bytes.count, by: 65_535) {
            let block = bytes[start..<min(start + 65_535, bytes.count)]
            let count = UInt16(block.count)
            stream.append(block.endIndex == bytes.count ? 1 : 0)
            for word in [count, ~count] { stream += [UInt8(word & 255), UInt8(word >> 8)] }
            stream += block
        }
        return stream + bigEndian(adler(bytes))
    }

    /// About `count` zeros in a thousandth of the space: one literal, then repeats of 258 in the fixed code.
    static func bomb(of count: Int) -> [UInt8] {
        var bits = Bits()
        bits.put([1, 1, 0])  // last block, fixed codes
        bits.put([0, 0, 1, 1, 0, 0, 0, 0])  // literal 0
        let repeats = count / 258
        for _ in 0..<repeats { bits.put([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]) }  // length 258, distance 1
        bits.put([0, 0, 0, 0, 0, 0, 0])  // end of block
        let zeros = UInt32((repeats * 258 + 1) % 65_521)
        return [0x78, 0x01] + bits.bytes + bigEndian(zeros << 16 | 1)
    }

    private struct Bits {
        var bytes: [UInt8] = []
        private var used = 8

        mutating func put(_ bits: [UInt8]) {
            for bit in bits {
                if used == 8 { bytes.append(0); used = 0 }
                bytes[bytes.count - 1] |= bit << used
                used += 1
            }
        }
    }

    private static func adler(_ bytes: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return b << 16 | a
    }
}

private func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

/// CRC-32 as PNG wants it.
private func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { sum, byte in
        (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 0 ? 0 : 0xEDB8_8320) }
    }
}
