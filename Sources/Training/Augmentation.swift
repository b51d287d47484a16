internal import CPatch
import PatchClassifier

/// What is done to a patch at random before it is learned from. Bytes go in and come out, as they would from a scanner.
public struct Augmentation: Sendable, Equatable, Codable {
    /// One of the eight flips and quarter turns of the square, each as likely as the other.
    public var dihedral: Bool
    /// Most whole pixels that the patch is moved by, each way; what comes in is the mirror of what is there.
    public var shift: Int
    /// Strength of the change of staining in optical-density space; 0 for none. See `StainChange`.
    public var stain: Double
    /// Largest relative change of brightness and of contrast; 0 for none.
    public var brightness: Double
    /// Standard deviation, in pixels, of the strongest blur, which three of ten patches have some of; 0 for none.
    public var blur: Double
    /// Lowest quality that three of ten patches are compressed to as JPEG, 1 to 100; nil for none.
    public var jpeg: Int?
    /// Longest side, in pixels, of a square that is painted over in every other patch; 0 for none (DeVries and Taylor,
    /// *Improved Regularization of Convolutional Neural Networks with Cutout*, 2017).
    public var cutout: Int

    public init(
        dihedral: Bool = true, shift: Int = 0, stain: Double = 0, brightness: Double = 0, blur: Double = 0,
        jpeg: Int? = nil, cutout: Int = 0
    ) {
        (self.dihedral, self.shift, self.stain, self.brightness) = (dihedral, shift, stain, brightness)
        (self.blur, self.jpeg, self.cutout) = (blur, jpeg, cutout)
    }

    /// The patch as it is.
    public static let none = Augmentation(dihedral: false)

    /// Share of patches that are blurred, and compressed: the others keep what is finest in them.
    private static let coarsened = 0.3
    /// Highest quality that a patch is compressed to.
    private static let finestJPEG = 95

    /// In the order in which it happens to a picture: tissue, stain, light, optics, archive. Draws the same numbers
    /// whatever the patch is.
    func apply(to patch: Patch, _ random: inout RandomStream) -> Patch {
        var patch = patch
        if dihedral { patch = patch.turned(random.whole(0...7)) }
        if shift > 0 { patch = patch.shifted(random.whole(-shift...shift), random.whole(-shift...shift)) }
        if stain > 0 { patch = StainChange(strength: stain, &random).apply(to: patch) }
        if brightness > 0 { patch = patch.relit(by: brightness, &random) }
        if blur > 0 {
            let (happens, deviation) = (random.unit() < Augmentation.coarsened, random.uniform(0...blur))
            if happens { patch = patch.blurred(deviation) }
        }
        if let jpeg {
            let happens = random.unit() < Augmentation.coarsened
            let quality = random.whole(jpeg...max(jpeg, Augmentation.finestJPEG)), halves = random.whole(0...1) == 1
            if happens { patch = patch.recompressed(quality: quality, halvesColours: halves) }
        }
        if cutout > 0 { patch = patch.cutOut(upTo: cutout, &random) }
        return patch
    }
}

extension Patch {
    /// Moved by whole pixels; beyond an edge the patch is mirrored.
    func shifted(_ right: Int, _ down: Int) -> Patch {
        guard right != 0 || down != 0 else { return self }
        func mirrored(_ place: Int, _ side: Int) -> Int {
            place < 0 ? -place : place < side ? place : 2 * (side - 1) - place
        }
        let columns = (0..<width).map { 3 * mirrored($0 - right, width) }
        let rgb = [UInt8](unsafeUninitializedCapacity: rgb.count) { target, count in
            self.rgb.withUnsafeBufferPointer { source in
                var place = 0
                for row in 0..<height {
                    let start = 3 * width * mirrored(row - down, height)
                    for column in columns {
                        target[place] = source[start + column]
                        target[place + 1] = source[start + column + 1]
                        target[place + 2] = source[start + column + 2]
                        place += 3
                    }
                }
            }
            count = self.rgb.count
        }
        return Patch(width: width, height: height, rgb: rgb)
    }

    /// By a Gaussian of five by five pixels.
    func blurred(_ deviation: Double) -> Patch {
        // At a hundredth of a pixel the neighbours' weights are 0.
        let two = 2 * max(deviation, 0.01) * max(deviation, 0.01)
        let weights = [1, exponential(-1 / two), exponential(-4 / two)]
        let total = weights[0] + 2 * (weights[1] + weights[2])
        return changed { patch_blur(rgb, Int32(width), weights.map { Float($0 / total) }, $0) }
    }

    func recompressed(quality: Int, halvesColours: Bool) -> Patch {
        changed {
            guard patch_jpeg(rgb, Int32(width), Int32(quality), halvesColours, $0) else {
                preconditionFailure("there is no memory for a JPEG of one patch")
            }
        }
    }

    /// With every other patch a square of one colour somewhere in it.
    func cutOut(upTo longest: Int, _ random: inout RandomStream) -> Patch {
        let happens = random.unit() < 0.5
        let side = random.whole(min(4, longest)...longest)
        let (left, top) = (random.whole(0...width - side), random.whole(0...height - side))
        let colour = (0..<3).map { _ in UInt8(random.whole(0...255)) }
        guard happens else { return self }
        var rgb = rgb
        for row in top..<top + side {
            for place in row * width + left..<row * width + left + side {
                for channel in 0..<3 { rgb[3 * place + channel] = colour[channel] }
            }
        }
        return Patch(width: width, height: height, rgb: rgb)
    }

    private func changed(_ change: (UnsafeMutablePointer<UInt8>) -> Void) -> Patch {
        let rgb = [UInt8](unsafeUninitializedCapacity: rgb.count) { target, count in
            if let start = target.baseAddress { change(start) }
            count = self.rgb.count
        }
        return Patch(width: width, height: height, rgb: rgb)
    }

    /// Contrast about the patch's own middle of 128, then brightness, each by up to `strength` of its own.
    func relit(by strength: Double, _ random: inout RandomStream) -> Patch {
        let contrast = random.uniform(1 - strength...1 + strength)
        let brightness = random.uniform(1 - strength...1 + strength)
        let table = (0...255).map { byte in
            UInt8(min(255, max(0, (brightness * (128 + contrast * (Double(byte) - 128))).rounded())))
        }
        return Patch(width: width, height: height, rgb: rgb.map { table[Int($0)] })
    }
}
