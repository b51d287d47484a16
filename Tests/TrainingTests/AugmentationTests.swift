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
        let all = Augmentation(dihedral: true, stain: 0.2, brightness: 0.2)
        var (one, other) = (RandomStream(8), RandomStream(8))
        _ = all.apply(to: patch, &one)
        _ = all.apply(to: Noise.sample(2, side: 9).patch, &other)
        #expect(one.next() == other.next())
    }
}
