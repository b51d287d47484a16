import PatchClassifier
import Testing

@testable import Training

@Suite struct StandardisedStartTests {
    @Test func `the first layer gives for colours as they are what it gave for them standardised`() throws {
        let samples = (0..<6).map { Noise.sample($0, side: 12) }
        let shape = NetworkShape(side: 12, channels: [4], kernelSide: 3, hidden: [])
        let start = try shape.randomWeights(seed: 3), moved = try start.standardised(for: samples)
        let colours = (0..<3).map { colour in
            samples.flatMap { sample in
                stride(from: colour, to: sample.patch.rgb.count, by: 3).map { Double(sample.patch.rgb[$0]) / 255 }
            }
        }
        let means = colours.map { $0.reduce(0, +) / Double($0.count) }
        let deviations = zip(colours, means).map { values, mean in
            (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        }
        for output in 0..<4 {
            for (row, column) in [(0, 0), (4, 7), (9, 9)] {
                func sum(_ weights: Weights, _ colour: (Int, Double) -> Double) -> Double {
                    var sum = Double(weights.tensors[1].values[output])
                    for channel in 0..<3 {
                        for y in 0..<3 {
                            for x in 0..<3 {
                                let byte = samples[0].patch.rgb[3 * (12 * (row + y) + column + x) + channel]
                                let weight = weights.tensors[0].values[((output * 3 + channel) * 3 + y) * 3 + x]
                                sum += Double(weight) * colour(channel, Double(byte) / 255)
                            }
                        }
                    }
                    return sum
                }
                let standardised = sum(start) { ($1 - means[$0]) / deviations[$0] }
                #expect(abs(sum(moved) { $1 } - standardised) < 1e-5)
            }
        }
        #expect(moved.tensors.dropFirst(2) == start.tensors.dropFirst(2))
    }

    @Test func `pictures of one colour leave every weight finite`() throws {
        let grey = TrainingSample(
            Patch(width: 12, height: 12, rgb: [UInt8](repeating: 128, count: 432)), id: "grey", isTumor: true)
        let start = try NetworkShape(side: 12, channels: [4], kernelSide: 3, hidden: []).randomWeights(seed: 3)
        #expect(try start.standardised(for: [grey]).tensors[0].values.allSatisfy(\.isFinite))
    }
}
