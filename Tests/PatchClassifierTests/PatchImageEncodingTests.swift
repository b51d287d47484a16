import PatchClassifier
import Testing

@Suite struct PatchImageEncodingTests {
    /// Pixels without any structure, which compression cannot shorten.
    private static func noise(width: Int, height: Int) -> Patch {
        var state: UInt32 = 1
        let rgb = (0..<(width * height * 3)).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return Patch(width: width, height: height, rgb: rgb)
    }

    @Test(arguments: [(1, 1), (96, 96), (7, 300), (1024, 33)])
    func `an encoded patch decodes to the same pixels`(width: Int, height: Int) throws {
        let patch = Self.noise(width: width, height: height)
        #expect(try Patch(png: patch.pngEncoded(), width: width, height: height) == patch)
    }

    @Test func `the same patch gives the same bytes`() throws {
        let patch = Self.noise(width: 96, height: 96)
        #expect(try patch.pngEncoded() == patch.pngEncoded())
    }

    @Test func `a plain patch becomes short`() throws {
        let patch = Patch(width: 96, height: 96, rgb: [UInt8](repeating: 200, count: 96 * 96 * 3))
        #expect(try patch.pngEncoded().count < 300)
    }

    @Test(arguments: [(0, 0), (0, 5), (4097, 1)])
    func `a size that no reader would take is not encoded`(width: Int, height: Int) {
        let patch = Patch(width: width, height: height, rgb: [UInt8](repeating: 0, count: width * height * 3))
        let error = #expect(throws: PatchDecodingError.self) { _ = try patch.pngEncoded() }
        #expect(error?.code == .tooLarge)
    }
}
