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
    public init(png: UnsafeRawBufferPointer, width: Int, height: Int) throws(PatchDecodingError) {
        let bytes = png.bindMemory(to: UInt8.self).baseAddress
        var outline = patch_png_outline()
        let examined = patch_png_examine(
            bytes, png.count, UInt32(clamping: width), UInt32(clamping: height), &outline)
        if let error = PatchDecodingError(examined) { throw error }

        let size = width * height * 3
        var error: PatchDecodingError?
        let rgb = [UInt8](unsafeUninitializedCapacity: size) { target, initialized in
            error = PatchDecodingError(patch_png_decode(bytes, &outline, target.baseAddress))
            initialized = error == nil ? size : 0
        }
        if let error { throw error }
        self.init(width: width, height: height, rgb: rgb)
    }

    /// Decodes a PNG held in an array; see `init(png:width:height:)` for buffers.
    public init(png: [UInt8], width: Int, height: Int) throws(PatchDecodingError) {
        let decoded = png.withUnsafeBytes { bytes in
            Result { () throws(PatchDecodingError) in try Patch(png: bytes, width: width, height: height) }
        }
        self = try decoded.get()
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
