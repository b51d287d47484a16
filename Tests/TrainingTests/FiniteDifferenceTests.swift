import PatchClassifier
import Testing

@testable import Training

/// Gradients against differences of the loss, computed in double precision from the network's definition.
@Suite struct FiniteDifferenceTests {
    private static let shape = NetworkShape(side: 18, channels: [5, 7], kernelSide: 3, hidden: [11, 6])

    @Test(arguments: [(0, 0), (0.4, 0), (0.4, 0.2)])
    func `gradients are the slopes of the loss`(dropout: Double, labelSmoothing: Double) throws {
        let weights = try Self.shape.randomWeights(seed: 3)
        var recipe = Recipe()
        (recipe.batchSize, recipe.dropout, recipe.augmentation) = (3, dropout, .none)
        recipe.labelSmoothing = labelSmoothing
        let engine = TrainingEngine(
            weights, try Architecture(weights, side: 18), recipe, kernel: .best, threads: 1)
        let items = (0..<3).map { index in
            GradientWorkspace.Item(
                sample: Noise.sample(index, side: 18), share: [0.5, 0.2, 0.3][index],
                random: RandomStream(9, UInt64(index)))
        }
        let gradient = try engine.layout.weights(
            engine.gradients(of: items).gradient, named: weights.tensors.map(\.name))
        let plain = PlainNetwork(convolutions: 2, dropout: dropout, labelSmoothing: labelSmoothing)
        var tensors = weights.tensors.map { $0.values.map(Double.init) }
        for (index, tensor) in gradient.tensors.enumerated() {
            let largest = Double(tensor.values.reduce(0) { max($0, abs($1)) })
            #expect(largest > 0)
            var compared = 0
            for place in stride(from: 0, to: tensor.values.count, by: max(1, tensor.values.count / 40)) {
                let value = tensors[index][place]
                func slope(_ step: Double) -> Double {
                    defer { tensors[index][place] = value }
                    tensors[index][place] = value + step
                    let above = plain.loss(items, weights.tensors.map(\.shape), tensors)
                    tensors[index][place] = value - step
                    return (above - plain.loss(items, weights.tensors.map(\.shape), tensors)) / (2 * step)
                }
                // Where two steps tell different slopes, a maximum or a rectifier turned between them.
                let (near, far) = (slope(1e-6), slope(2e-6))
                guard abs(near - far) < 1e-6 * max(largest, 1e-3) else { continue }
                compared += 1
                #expect(abs(near - Double(tensor.values[place])) <= 1e-4 * largest, "\(tensor.name)[\(place)]")
            }
            #expect(compared > 0)
        }
    }
}

enum Noise {
    static func sample(_ index: Int, side: Int, isTumor: Bool? = nil) -> TrainingSample {
        var random = RandomStream(77, UInt64(index))
        let rgb = (0..<side * side * 3).map { _ in UInt8(random.whole(0...255)) }
        return TrainingSample(
            Patch(width: side, height: side, rgb: rgb), id: "noise-\(index)", isTumor: isTumor ?? (index % 2 == 1))
    }
}

/// The family's definition in plain loops, [channel][y][x].
private struct PlainNetwork {
    let convolutions: Int
    let dropout: Double
    let labelSmoothing: Double

    func loss(_ items: [GradientWorkspace.Item], _ shapes: [[Int]], _ tensors: [[Double]]) -> Double {
        items.reduce(0) { sum, item in
            var random = item.random
            let logits = logits(item.sample.patch, shapes, tensors, &random)
            let most = logits.max() ?? 0
            let total = logits.reduce(0) { $0 + exponential($1 - most) }
            // ln by Newton's steps on the exponential: no other is at hand that is the same everywhere.
            var logarithm = total - 1
            for _ in 0..<60 { logarithm += total * exponential(-logarithm) - 1 }
            let (own, other) = item.sample.isTumor ? (logits[1], logits[0]) : (logits[0], logits[1])
            let expected = (1 - labelSmoothing / 2) * own + labelSmoothing / 2 * other
            return sum + item.share * (most + logarithm - expected)
        }
    }

    private func logits(
        _ patch: Patch, _ shapes: [[Int]], _ tensors: [[Double]], _ random: inout RandomStream
    ) -> [Double] {
        var side = patch.width
        var maps = (0..<3).map { channel in
            (0..<side * side).map { Double(patch.rgb[3 * $0 + channel]) / 255 }
        }
        for layer in 0..<convolutions {
            maps = convolve(maps, side, shapes[2 * layer], tensors[2 * layer], tensors[2 * layer + 1])
            side = (side - shapes[2 * layer][2] + 1) / 2
        }
        var values = maps.flatMap(\.self)
        for layer in convolutions..<shapes.count / 2 {
            let (weights, bias) = (tensors[2 * layer], tensors[2 * layer + 1])
            let isLast = layer == shapes.count / 2 - 1
            let inputs = values
            values = bias.indices.map { output in
                let sum = inputs.indices.reduce(bias[output]) { $0 + weights[output * inputs.count + $1] * inputs[$1] }
                return isLast ? sum : max(sum, 0)
            }
            guard !isLast, dropout > 0 else { continue }
            values = values.map { random.unit() < dropout ? 0 : $0 / (1 - dropout) }
        }
        return values
    }

    private func convolve(
        _ maps: [[Double]], _ side: Int, _ shape: [Int], _ weights: [Double], _ bias: [Double]
    ) -> [[Double]] {
        let kernel = shape[2], pooled = (side - kernel + 1) / 2
        func sum(_ output: Int, _ y: Int, _ x: Int) -> Double {
            var sum = bias[output]
            for input in maps.indices {
                for tap in 0..<kernel * kernel {
                    let weight = weights[(output * maps.count + input) * kernel * kernel + tap]
                    sum += weight * maps[input][(y + tap / kernel) * side + x + tap % kernel]
                }
            }
            return sum
        }
        return (0..<shape[0]).map { output in
            (0..<pooled * pooled).map { place in
                let (y, x) = (2 * (place / pooled), 2 * (place % pooled))
                return max(
                    0, sum(output, y, x), sum(output, y, x + 1), sum(output, y + 1, x), sum(output, y + 1, x + 1))
            }
        }
    }
}
