internal import CPatch

/// One decoded patch: `width * height * 3` bytes, RGB, row by row from the top left.
public struct Patch: Sendable, Equatable {
    /// Greatest width or height of an image that is decoded or encoded, in pixels.
    public static let sideLimit = Int(PATCH_PNG_SIDE_LIMIT)

    public let width: Int
    public let height: Int
    public let rgb: [UInt8]

    /// `rgb` must hold exactly `width * height * 3` bytes.
    public init(width: Int, height: Int, rgb: [UInt8]) {
        precondition(width >= 0 && height >= 0 && rgb.count == width * height * 3, "a patch has 3 bytes a pixel")
        self.width = width
        self.height = height
        self.rgb = rgb
    }
}

extension Patch {
    /// Decodes a PNG of exactly `width` x `height` pixels to the values it holds, without gamma: grey is repeated,
    /// palettes are looked up, 16-bit samples keep their high byte, opaque alpha is dropped.
    ///
    /// The size is judged from the header before memory is taken: a side over `sideLimit` is `.tooLarge`, any other
    /// size than the expected one `.wrongSize`. Every checksum is verified, of chunks that pixels do not depend on too,
    /// and bytes behind the end are `.corrupt`: what was hashed is then what was looked at.
    public init(png: [UInt8], width: Int, height: Int) throws(PatchDecodingError) {
        self = try Patch.decoded([png], width: width, height: height)[0].get()
    }

    /// Decodes each as `init(png:width:height:)` does, in order: several take less time together than one by one.
    public static func decoded(
        _ pngs: [[UInt8]], width: Int, height: Int
    ) -> [Result<Patch, PatchDecodingError>] {
        // Two at a time is what the C function gains by.
        stride(from: 0, to: pngs.count, by: 2).flatMap { first in
            decoded(pngs[first..<min(first + 2, pngs.count)], width: width, height: height) {
                patch_png_decode(&$0, $0.count, UInt32(clamping: width), UInt32(clamping: height))
            }
        }
    }

    /// The same through libpng, which otherwise only sees what is no plain 8-bit RGB: the oracle.
    package static func decodedByLibpng(
        _ png: [UInt8], width: Int, height: Int
    ) -> Result<Patch, PatchDecodingError> {
        decoded([png], width: width, height: height) {
            patch_png_decode_by_libpng(&$0, UInt32(clamping: width), UInt32(clamping: height))
        }[0]
    }

    /// `decode` is given the images with room for their pixels, and writes those and its reports.
    private static func decoded(
        _ pngs: ArraySlice<[UInt8]>, width: Int, height: Int, _ decode: (inout [patch_png_image]) -> Void
    ) -> [Result<Patch, PatchDecodingError>] {
        // What no image can have needs no room: it is refused before a pixel is written.
        let sides = 1...sideLimit, size = sides.contains(width) && sides.contains(height) ? width * height * 3 : 0
        var images: [patch_png_image] = []
        let pixels = pixels(of: pngs, size: size, &images, decode)
        return zip(images, pixels).map { image, rgb in
            if let error = PatchDecodingError(image.report) { return .failure(error) }
            return .success(Patch(width: width, height: height, rgb: rgb))
        }
    }

    /// Makes room for the first, then for the others, and calls `decode` when there is room for all.
    private static func pixels(
        of pngs: ArraySlice<[UInt8]>, size: Int, _ images: inout [patch_png_image],
        _ decode: (inout [patch_png_image]) -> Void
    ) -> [[UInt8]] {
        guard let png = pngs.first else {
            decode(&images)
            return []
        }
        var others: [[UInt8]] = []
        let rgb = [UInt8](unsafeUninitializedCapacity: size) { target, count in
            png.withUnsafeBufferPointer { bytes in
                var image = patch_png_image()
                (image.bytes, image.count, image.rgb) = (bytes.baseAddress, bytes.count, target.baseAddress)
                images.append(image)
                others = pixels(of: pngs.dropFirst(), size: size, &images, decode)
            }
            count = size
        }
        return [rgb] + others
    }

    /// The patch as an 8-bit RGB PNG; the same pixels give the same bytes with the same libpng and zlib.
    public func pngEncoded() throws(PatchDecodingError) -> [UInt8] {
        let capacity = patch_png_encoded_bound(UInt32(clamping: width), UInt32(clamping: height))
        var error: PatchDecodingError?
        let png = [UInt8](unsafeUninitializedCapacity: capacity) { target, written in
            error = PatchDecodingError(
                patch_png_encode(
                    rgb, UInt32(clamping: width), UInt32(clamping: height), target.baseAddress, capacity, &written))
        }
        if let error { throw error }
        return png
    }
}
