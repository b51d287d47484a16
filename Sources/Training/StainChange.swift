import PatchClassifier

/// Another laboratory's staining of the same tissue: optical densities are separated into haematoxylin, eosin and a
/// rest (Ruifrok and Johnston, Analytical and Quantitative Cytology and Histology 23, 2001), each is multiplied by
/// 1 + a and moved by b, and put together again (Tellez et al., IEEE Transactions on Medical Imaging 37, 2018); a is
/// uniform in plus and minus the strength, b in a fifth of that.
struct StainChange {
    /// Three by three for optical densities of red, green and blue, by rows, and what is added to each.
    private let matrix: [Double]
    private let offset: [Double]

    /// Optical densities of the three stains in red, green and blue: rows of length 1.
    private static let stains: [[Double]] = [
        [0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776],
    ].map { row in
        let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return row.map { $0 / length }
    }
    private static let inverse = inverted(stains)

    init(strength: Double, _ random: inout RandomStream) {
        let factors = (0..<3).map { _ in 1 + random.uniform(-strength...strength) }
        let shifts = (0..<3).map { _ in random.uniform(-strength / 5...strength / 5) }
        let (stains, inverse) = (StainChange.stains, StainChange.inverse)
        // density' = (density * inverse * factors + shifts) * stains
        var matrix = [Double](repeating: 0, count: 9), offset = [Double](repeating: 0, count: 3)
        for to in 0..<3 {
            for stain in 0..<3 {
                offset[to] += shifts[stain] * stains[stain][to]
                for from in 0..<3 {
                    matrix[3 * to + from] += inverse[from][stain] * factors[stain] * stains[stain][to]
                }
            }
        }
        (self.matrix, self.offset) = (matrix, offset)
    }

    func apply(to patch: Patch) -> Patch {
        let m = matrix.map { Float($0) }, o = offset.map { Float($0) }
        let rgb = [UInt8](unsafeUninitializedCapacity: patch.rgb.count) { target, count in
            patch.rgb.withUnsafeBufferPointer { source in
                Densities.ofBytes.withUnsafeBufferPointer { densities in
                    Densities.bytes.withUnsafeBufferPointer { bytes in
                        for place in stride(from: 0, to: source.count, by: 3) {
                            let red = densities[Int(source[place])], green = densities[Int(source[place + 1])]
                            let blue = densities[Int(source[place + 2])]
                            for colour in 0..<3 {
                                let density =
                                    red * m[3 * colour] + green * m[3 * colour + 1] + blue * m[3 * colour + 2]
                                    + o[colour]
                                let step = min(Float(Densities.steps - 1), max(0, density * Densities.perUnit + 0.5))
                                target[place + colour] = bytes[Int(step)]
                            }
                        }
                    }
                }
            }
            count = patch.rgb.count
        }
        return Patch(width: patch.width, height: patch.height, rgb: rgb)
    }

    /// By Cramer's rule.
    private static func inverted(_ m: [[Double]]) -> [[Double]] {
        func minor(_ row: Int, _ column: Int) -> Double {
            let (above, below) = (m[(row + 1) % 3], m[(row + 2) % 3])
            let (left, right) = ((column + 1) % 3, (column + 2) % 3)
            return above[left] * below[right] - above[right] * below[left]
        }
        let determinant = m[0][0] * minor(0, 0) + m[0][1] * minor(0, 1) + m[0][2] * minor(0, 2)
        return (0..<3).map { row in (0..<3).map { column in minor(column, row) / determinant } }
    }
}

/// Bytes and optical densities: density = -ln((byte + 1) / 256).
private enum Densities {
    /// Of densities from 0 to 6, beyond which every byte is 0.
    static let steps = 6144
    static let perUnit: Float = 1024

    static let ofBytes: [Float] = (0...255).map { byte in
        // ln(256 / (byte + 1)) by halves, so that what is left is at most 2.
        var (ratio, twos) = (256 / Double(byte + 1), 0.0)
        while ratio > 2 { (ratio, twos) = (ratio / 2, twos + 1) }
        return Float(logarithmOfOnePlus(ratio - 1) + twos * logarithmOfOnePlus(1))
    }

    static let bytes: [UInt8] = (0..<steps).map { step in
        UInt8(max(0, (256 * exponential(-Double(step) / Double(perUnit)) - 1).rounded()))
    }
}
