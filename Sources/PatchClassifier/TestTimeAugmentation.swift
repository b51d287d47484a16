/// How often a patch is shown to the network before it answers.
public enum TestTimeAugmentation: String, Sendable, CaseIterable, Codable {
    /// Once, as it is.
    case none
    /// In all eight symmetries of the square: the mean of the eight log-odds is the answer.
    case dihedral

    /// The symmetries that it is shown in, as `Patch.turned` counts them; first the patch as it is.
    var symmetries: Range<Int> {
        switch self {
        case .none: 0..<1
        case .dihedral: 0..<8
        }
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
}
