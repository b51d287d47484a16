public import PatchClassifier

/// What is done to a patch at random before it is learned from. Bytes go in and come out, as they would from a scanner.
public struct Augmentation: Sendable, Equatable, Codable {
    /// One of the eight flips and quarter turns of the square, each as likely as the other.
    public var dihedral: Bool
    /// Strength of the change of staining in optical-density space; 0 for none. See `StainChange`.
    public var stain: Double
    /// Largest relative change of brightness and of contrast; 0 for none.
    public var brightness: Double

    public init(dihedral: Bool = true, stain: Double = 0, brightness: Double = 0) {
        (self.dihedral, self.stain, self.brightness) = (dihedral, stain, brightness)
    }

    /// The patch as it is.
    public static let none = Augmentation(dihedral: false)

    /// Draws the same numbers whatever the patch is.
    func apply(to patch: Patch, _ random: inout RandomStream) -> Patch {
        var patch = patch
        if dihedral { patch = patch.turned(random.whole(0...7)) }
        if stain > 0 { patch = StainChange(strength: stain, &random).apply(to: patch) }
        if brightness > 0 { patch = patch.relit(by: brightness, &random) }
        return patch
    }
}

extension Patch {
    /// One of the eight symmetries of the square: the lowest bit mirrors left and right, the next top and bottom, the
    /// third rows and columns, which only a square has.
    public func turned(_ symmetry: Int) -> Patch {
        precondition((0..<8).contains(symmetry) && width == height, "a square has eight symmetries")
        guard symmetry > 0 else { return self }
        let last = width - 1
        let turned = [UInt8](unsafeUninitializedCapacity: rgb.count) { target, count in
            rgb.withUnsafeBufferPointer { source in
                var place = 0
                for row in 0..<height {
                    for column in 0..<width {
                        let y = symmetry & 2 == 0 ? row : last - row
                        let x = symmetry & 1 == 0 ? column : last - column
                        let from = 3 * (symmetry & 4 == 0 ? y * width + x : x * width + y)
                        target[place] = source[from]
                        target[place + 1] = source[from + 1]
                        target[place + 2] = source[from + 2]
                        place += 3
                    }
                }
            }
            count = rgb.count
        }
        return Patch(width: width, height: height, rgb: turned)
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
