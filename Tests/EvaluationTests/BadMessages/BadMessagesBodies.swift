import Foundation

@testable import Evaluation

/// Bodies that are no patch, patches that are broken, and patches that only look unusual.
extension BadMessages {
    private static let patch = HandmadePNG(extra: [HandmadePNG.Chunk("tEXt", Array("Comment\0a patch".utf8))])

    /// A patch cut inside every part of every chunk, and with every checksum wrong.
    static let broken: [BadMessage] = patch.chunks.enumerated().flatMap { number, chunk in
        let start = 8 + patch.chunks[..<number].map(\.bytes.count).reduce(0, +)
        let size = chunk.bytes.count
        let cuts = [
            ("before", 0), ("in the length of", 2), ("in the type of", 6),
            ("in the content of", 8 + chunk.content.count / 2),
            ("before the checksum of", size - 4), ("in the checksum of", size - 2),
        ]
        let cut = cuts.map { place, offset in
            BadMessage(
                "cut \(place) \(chunk.type)", Array(patch.bytes[..<(start + offset)]), .quarantined(.truncated))
        }
        var wrong = patch.bytes
        wrong[start + size - 1] ^= 1
        return cut + [BadMessage("wrong checksum of \(chunk.type)", wrong, .quarantined(.corrupt))]
    }

    static let images: [BadMessage] = [
        BadMessage("nothing", [], .quarantined(.empty)),
        BadMessage("text", Array("a patch, honestly".utf8), .quarantined(.notPNG)),
        BadMessage("JSON sent as a PNG", Array("{\"image_base64\": \"\"}".utf8), .quarantined(.notPNG)),
        BadMessage("a JPEG", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16] + Array("JFIF".utf8), .quarantined(.notPNG)),
        BadMessage("cut in the signature", Array(patch.bytes.prefix(5)), .quarantined(.truncated)),
        BadMessage("97 pixels wide", HandmadePNG(width: 97).bytes, .quarantined(.wrongSize)),
        BadMessage("95 pixels high", HandmadePNG(height: 95).bytes, .quarantined(.wrongSize)),
        BadMessage("one pixel", HandmadePNG(width: 1, height: 1).bytes, .quarantined(.wrongSize)),
        BadMessage(
            "a header that asks for 12 GB",
            HandmadePNG(width: 65_535, height: 65_535, imageData: Deflate.stored([])).bytes,
            .quarantined(.tooLarge)),
        BadMessage("half transparent", HandmadePNG(form: .rgba8(alpha: 128)).bytes, .quarantined(.transparent)),
        BadMessage(
            "animated", HandmadePNG(extra: [HandmadePNG.Chunk("acTL", [0, 0, 0, 2, 0, 0, 0, 0])]).bytes,
            .quarantined(.animated)),
        BadMessage("a byte behind the end", patch.bytes + [0], .quarantined(.corrupt)),
        BadMessage("a second patch behind the first", patch.bytes + patch.bytes, .quarantined(.corrupt)),
        BadMessage(
            "64 MB of zeros as pixels", HandmadePNG(imageData: Deflate.bomb(of: 64 << 20)).bytes, .quarantined(.corrupt)
        ),
        BadMessage("too few pixels", HandmadePNG(imageData: Deflate.stored([0])).bytes, .quarantined(.corrupt)),
        BadMessage("one byte over the limit", padded(to: (1 << 20) + 1), .quarantined(.tooLarge)),
        BadMessage("three times the limit", padded(to: 3 << 20), .quarantined(.tooLarge)),
        BadMessage("exactly as large as the limit", padded(to: 1 << 20), .recorded),
    ]

    /// The same pixels in another form: the same bits have to come out.
    static let samePixels: [BadMessage] = [
        BadMessage("plain", HandmadePNG().bytes, .recorded),
        BadMessage("16 bits a channel", HandmadePNG(form: .rgb16).bytes, .recorded),
        BadMessage("palette", HandmadePNG(form: .palette8).bytes, .recorded),
        BadMessage("opaque alpha", HandmadePNG(form: .rgba8(alpha: 255)).bytes, .recorded),
        BadMessage("interlaced", HandmadePNG(isInterlaced: true).bytes, .recorded),
        BadMessage("interlaced palette", HandmadePNG(form: .palette8, isInterlaced: true).bytes, .recorded),
        BadMessage("64 MB of zeros as a colour profile", bomb("iCCP", "profile\0\0"), .recorded),
        BadMessage("64 MB of zeros as a comment", bomb("zTXt", "Comment\0\0"), .recorded),
        BadMessage("gamma", HandmadePNG(extra: [HandmadePNG.Chunk("gAMA", [0, 1, 0x86, 0xA0])]).bytes, .recorded),
    ]

    private static func bomb(_ type: String, _ start: String) -> [UInt8] {
        HandmadePNG(extra: [HandmadePNG.Chunk(type, Array(start.utf8) + Deflate.bomb(of: 64 << 20))]).bytes
    }

    /// A patch with a private chunk that brings it to a size.
    private static func padded(to size: Int) -> [UInt8] {
        let rest = size - HandmadePNG().bytes.count - 12
        return HandmadePNG(extra: [HandmadePNG.Chunk("paDd", Array(repeating: 7, count: rest))]).bytes
    }

    /// Two messages under one id: the first decides, an image that is not its own is refused.
    static let twins: [BadMessage] = {
        let first = BadMessage("an id", HandmadePNG().bytes, .recorded)
        var other = BadMessage(
            "the id of another image", HandmadePNG(isInterlaced: true).bytes, .quarantined(.jobIDReused))
        other.properties.messageID = first.properties.messageID
        var refused = BadMessage("the id of another image, broken", [1, 2, 3], .quarantined(.notPNG))
        refused.properties.messageID = first.properties.messageID
        return [first, first, other, refused]
    }()
}
