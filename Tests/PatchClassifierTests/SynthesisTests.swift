import Foundation
import Testing

@testable import PatchClassifier

@Suite struct SynthesisTests {
    /// Ten patches of one label.
    private static func patches(_ appearance: SlideAppearance = .rose, tumor: Bool = false) -> [Patch] {
        let synthesizer = PatchSynthesizer(seed: 7, appearance: appearance)
        return (0..<10).map { synthesizer.patch(number: $0, tumor: tumor) }
    }

    private static func mean(_ figure: KeyPath<ImageStatistics, Float>, _ patches: [Patch]) -> Float {
        patches.map { ImageStatistics($0)[keyPath: figure] }.reduce(0, +) / Float(patches.count)
    }

    @Test(arguments: [
        ("rose", "89f79376f72a00966d1d680488cdd563e1b91280"),
        ("violet", "73a8ed31e09ce77dec6448975562000d2b21423a"),
        ("pale", "8a136ce9d9e3de968fa3c9313d65eed05d3c175f"),
        ("dim", "4330e854118f22dd90e9b2b4a2c00253c1cefcf6"),
        ("unfocused", "a2dd5878b6f6c98239be42be25a7f2f4e6526a58"),
    ])
    func `the same seed gives the bytes it gave when this was written`(name: String, hash: String) throws {
        let appearance = try #require(SlideAppearance.named[name])
        let synthesizer = PatchSynthesizer(seed: 1, appearance: appearance)
        let pixels = [0, 1, 2, 3, 1_000_000, -1].flatMap { number in
            synthesizer.patch(number: number, tumor: false).rgb + synthesizer.patch(number: number, tumor: true).rgb
        }
        #expect(SHA1.hex(pixels) == hash)
    }

    @Test func `patches of other numbers, labels and seeds differ`() {
        let synthesizer = PatchSynthesizer(seed: 7)
        let patch = synthesizer.patch(number: 3, tumor: true)
        #expect(patch == synthesizer.patch(number: 3, tumor: true))
        #expect(patch != synthesizer.patch(number: 4, tumor: true))
        #expect(patch != synthesizer.patch(number: 3, tumor: false))
        #expect(patch != PatchSynthesizer(seed: 8).patch(number: 3, tumor: true))
        #expect(patch.width == 96 && patch.height == 96)
    }

    @Test func `artificial patches pass through PNG unchanged`() throws {
        for patch in Self.patches(tumor: true) {
            #expect(try Patch(png: patch.pngEncoded(), width: 96, height: 96) == patch)
        }
    }

    @Test func `another appearance shows the same tissue`() {
        for (rose, pale) in zip(Self.patches(), Self.patches(.pale)) {
            #expect(correlation(rose.rgb, pale.rgb) > 0.9)
        }
    }

    @Test func `pale staining lowers optical density`() {
        let density = \ImageStatistics.opticalDensityMeanGreen
        #expect(Self.mean(density, Self.patches(.pale)) < 0.8 * Self.mean(density, Self.patches()))
    }

    @Test func `an ageing lamp lowers brightness, blue most`() {
        let (rose, dim) = (Self.patches(), Self.patches(.dim))
        let blue = Self.mean(\.meanBlue, dim) / Self.mean(\.meanBlue, rose)
        let red = Self.mean(\.meanRed, dim) / Self.mean(\.meanRed, rose)
        #expect(blue < red && red < 0.95)
    }

    @Test func `a scan out of focus lowers focus`() {
        #expect(Self.mean(\.focus, Self.patches(.unfocused)) < 0.3 * Self.mean(\.focus, Self.patches()))
    }

    @Test(arguments: SlideAppearance.named.keys.sorted())
    func `the middle of a tumour patch has the coarser grain of larger nuclei`(name: String) throws {
        let appearance = try #require(SlideAppearance.named[name])
        let normal = Self.mean(\.focus, Self.patches(appearance).map(middle))
        let tumor = Self.mean(\.focus, Self.patches(appearance, tumor: true).map(middle))
        #expect(tumor < 0.8 * normal)
    }

    @Test func `decay is the exponential function`() {
        for step in 0...800 {
            let x = Double(step) / 100
            #expect(abs(decay(x) / exp(-x) - 1) < 1e-9)
        }
        #expect(decay(1e9) < 1e-15 && decay(1e9) >= 0)
    }

    @Test func `random numbers are those of SplitMix64`() {
        // The first outputs for the state 1234567, as Rosetta Code lists them for SplitMix64.
        var state: UInt64 = 1_234_567
        let numbers = (0..<3).map { _ in
            state &+= 0x9e37_79b9_7f4a_7c15
            return RandomStream.mixed(state)
        }
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }
}

/// The central 32 x 32 pixels.
private func middle(_ patch: Patch) -> Patch {
    let rows = 32..<64
    let rgb = rows.flatMap { y in patch.rgb[((y * patch.width + 32) * 3)..<((y * patch.width + 64) * 3)] }
    return Patch(width: 32, height: 32, rgb: rgb)
}

/// Pearson's correlation of two equally long series.
private func correlation(_ first: [UInt8], _ second: [UInt8]) -> Double {
    let (x, y) = (first.map(Double.init), second.map(Double.init))
    let count = Double(x.count)
    let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
    let products = zip(x, y).map { ($0 - meanX) * ($1 - meanY) }.reduce(0, +)
    let squaresX = x.map { ($0 - meanX) * ($0 - meanX) }.reduce(0, +)
    let squaresY = y.map { ($0 - meanY) * ($0 - meanY) }.reduce(0, +)
    return products / (squaresX * squaresY).squareRoot()
}
