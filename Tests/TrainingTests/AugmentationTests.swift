import PatchClassifier
import Testing

@testable import Training

@Suite struct AugmentationTests {
    private let patch = Noise.sample(1, side: 9).patch

    @Test func `a square has eight symmetries, and two of them make a third`() {
        let all = (0...7).map(patch.turned)
        for (index, one) in all.enumerated() { #expect(all.firstIndex(of: one) == index) }
        for one in 0...7 {
            for other in 0...7 { #expect(all.contains(patch.turned(one).turned(other))) }
        }
    }

    @Test func `a mirror swaps left and right and nothing else`() {
        let mirrored = patch.turned(1)
        for y in 0..<9 {
            for x in 0..<9 {
                let (here, there) = (3 * (9 * y + x), 3 * (9 * y + 8 - x))
                #expect(mirrored.rgb[here..<here + 3] == patch.rgb[there..<there + 3])
            }
        }
    }

    @Test func `every symmetry is drawn about as often as the others`() {
        var random = RandomStream(4), counts = [Int](repeating: 0, count: 8)
        let all = (0...7).map(patch.turned)
        for _ in 0..<4000 {
            let turned = Augmentation().apply(to: patch, &random)
            counts[all.firstIndex(of: turned) ?? 0] += 1
        }
        // Five standard deviations of a binomial count.
        #expect(counts.allSatisfy { abs($0 - 500) < 105 }, "\(counts)")
    }

    @Test func `a change of stain of no strength changes no byte by more than its rounding`() {
        var random = RandomStream(1)
        let same = StainChange(strength: 0, &random).apply(to: patch)
        #expect(zip(same.rgb, patch.rgb).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    @Test func `stronger staining darkens tissue and leaves glass`() {
        let glass = Patch(width: 2, height: 2, rgb: [UInt8](repeating: 255, count: 12))
        var random = RandomStream(2)
        for _ in 0..<50 {
            let changed = StainChange(strength: 0.2, &random).apply(to: glass)
            // Only what is added to every density reaches glass: a fifth of the strength, in three stains.
            #expect(changed.rgb.allSatisfy { $0 > 225 })
        }
    }

    @Test func `what is drawn depends on the stream, not on the patch`() {
        let all = Augmentation(
            dihedral: true, shift: 2, stain: 0.2, brightness: 0.2, blur: 1, jpeg: 40, cutout: 5)
        var (one, other) = (RandomStream(8), RandomStream(8))
        _ = all.apply(to: patch, &one)
        _ = all.apply(to: Noise.sample(2, side: 9).patch, &other)
        #expect(one.next() == other.next())
    }

    @Test func `a shift moves whole pixels and mirrors what comes in`() {
        let moved = patch.shifted(2, -1)
        for y in 0..<9 {
            for x in 0..<9 {
                let (fromX, fromY) = (abs(x - 2), y + 1 < 9 ? y + 1 : 7)
                let (here, there) = (3 * (9 * y + x), 3 * (9 * fromY + fromX))
                #expect(moved.rgb[here..<here + 3] == patch.rgb[there..<there + 3])
            }
        }
        #expect(patch.shifted(0, 0) == patch)
    }

    @Test func `a blur leaves an even picture, spreads a point evenly, and keeps the sum`() {
        let even = Patch(width: 9, height: 9, rgb: [UInt8](repeating: 77, count: 243))
        #expect(even.blurred(1) == even)
        var rgb = [UInt8](repeating: 0, count: 243)
        rgb[3 * (9 * 4 + 4)] = 250
        let point = Patch(width: 9, height: 9, rgb: rgb).blurred(0.8)
        let red = (0..<81).map { Int(point.rgb[3 * $0]) }
        for symmetry in 0...7 { #expect(point.turned(symmetry) == point) }
        #expect(abs(red.reduce(0, +) - 250) <= 13, "rounding of 25 pixels")
        // Of a Gaussian of five taps with deviation 0.8, the middle squared.
        #expect(red[9 * 4 + 4] == 62)
        #expect(patch.blurred(0) == patch)
    }

    @Test func `JPEG of high quality changes little, of low quality more, and each time the same`() {
        var ramp: [UInt8] = []
        for y in 0..<24 {
            for x in 0..<24 { ramp += [UInt8(100 + 4 * x), UInt8(60 + 5 * y), 160] }
        }
        let smooth = Patch(width: 24, height: 24, rgb: ramp)
        func change(_ quality: Int, halves: Bool) -> Int {
            let decoded = smooth.recompressed(quality: quality, halvesColours: halves)
            #expect(decoded == smooth.recompressed(quality: quality, halvesColours: halves))
            return zip(decoded.rgb, smooth.rgb).map { abs(Int($0) - Int($1)) }.max() ?? 0
        }
        #expect(change(100, halves: false) <= 4)
        #expect((5...80).contains(change(5, halves: true)))
    }

    @Test func `a cutout is one square of one colour, in about every other patch`() throws {
        let plain = Patch(width: 20, height: 20, rgb: [UInt8](repeating: 9, count: 1200))
        var random = RandomStream(3), cut = 0
        for _ in 0..<400 {
            let pixels = plain.cutOut(upTo: 8, &random).rgb
            let changed = (0..<400).filter { Array(pixels[3 * $0..<3 * $0 + 3]) != [9, 9, 9] }
            guard let first = changed.first, let last = changed.last else { continue }
            cut += 1
            let side = last % 20 - first % 20 + 1
            #expect((4...8).contains(side) && changed.count == side * side && last / 20 - first / 20 + 1 == side)
            #expect(Set(changed.map { Array(pixels[3 * $0..<3 * $0 + 3]) }).count == 1)
        }
        // Five standard deviations.
        #expect(abs(cut - 200) < 50)
    }
}
