import Foundation
import PatchClassifier
import Testing

@testable import Training

@Suite struct GradientTests {
    static let kernels = Kernel.allCases.filter(\.isSupported)

    @Test(arguments: GradientCase.all)
    func `gradients are PyTorch's`(of network: GradientCase) throws {
        let (losses, gradients) = try network.gradients(.best)
        for (found, expected) in zip(losses, network.losses) {
            #expect(abs(found - expected) < 2e-5 * max(1, expected))
        }
        for (tensor, found) in zip(network.tensors, gradients) {
            let values = stride(from: 0, to: found.count, by: tensor.step).map { found[$0] }
            let expected = tensor.gradient
            #expect(values.count == expected.count)
            // Relative to the largest of a tensor: many are sums that cancel.
            let largest = expected.reduce(0) { max($0, abs($1)) }
            let difference = zip(values, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(difference <= 1e-4 * largest, "\(tensor.name): \(difference) of \(largest)")
        }
    }

    @Test(arguments: GradientCase.all)
    func `every kernel gives the same bits`(of network: GradientCase) throws {
        let portable = try network.gradients(.portable)
        for kernel in Self.kernels {
            let fast = try network.gradients(kernel)
            #expect(fast.losses == portable.losses)
            #expect(fast.gradients == portable.gradients)
        }
    }
}

/// A network, a batch, and PyTorch's gradient.
struct GradientCase: Decodable, CustomTestStringConvertible {
    struct Tensor: Decodable {
        let name: String
        let shape: [Int]
        /// nil for the shipped model's.
        let values: Data?
        let step: Int
        let gradientBytes: Data

        enum CodingKeys: String, CodingKey {
            case name, shape, values, step
            case gradientBytes = "gradient"
        }

        var gradient: [Float] { floats(gradientBytes) }
    }

    let name: String
    let number: UInt32
    let side: Int
    let labels: [Int]
    let shares: [Double]
    let losses: [Double]
    let tensors: [Tensor]

    var testDescription: String { name }

    static let all: [GradientCase] = fixture("gradients")

    static let shipped = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "models/sentinode-baseline-1.safetensors").path

    func weights() throws -> Weights {
        guard tensors.allSatisfy({ $0.values != nil }) else { return try Weights.read(path: GradientCase.shipped) }
        return try Weights(
            tensors: tensors.map { Weights.Tensor(name: $0.name, shape: $0.shape, values: floats($0.values ?? Data())) }
        )
    }

    func samples() -> [TrainingSample] {
        var x = number
        return labels.map { label in
            let rgb = (0..<side * side * 3).map { _ in
                x = 1_664_525 &* x &+ 1_013_904_223
                return UInt8(x >> 24)
            }
            return TrainingSample(Patch(width: side, height: side, rgb: rgb), id: "noise", isTumor: label == 1)
        }
    }

    /// Without a draw that matters: neither dropout nor augmentation is asked for.
    func items() -> [GradientWorkspace.Item] {
        zip(samples(), shares).map { GradientWorkspace.Item(sample: $0, share: $1, random: RandomStream(0)) }
    }

    func engine(_ recipe: Recipe, kernel: Kernel = .best) throws -> TrainingEngine {
        let weights = try weights()
        let architecture = try Architecture(weights, side: side)
        return TrainingEngine(weights, architecture, recipe, kernel: kernel, threads: 1)
    }

    func gradients(_ kernel: Kernel) throws -> (losses: [Double], gradients: [[Float]]) {
        var recipe = Recipe()
        (recipe.batchSize, recipe.dropout, recipe.augmentation) = (labels.count, 0, .none)
        let engine = try engine(recipe, kernel: kernel)
        let (losses, gradient) = engine.gradients(of: items())
        let named = try engine.layout.weights(gradient, named: tensors.map(\.name))
        return (losses, named.tensors.map(\.values))
    }
}

/// A file of the folder Fixtures.
func fixture<Value: Decodable>(_ name: String) -> Value {
    do {
        let file = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Fixtures"))
        return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file))
    } catch {
        fatalError("the fixture \(name).json cannot be read: \(error)")
    }
}

/// Little-endian numbers.
func floats(_ data: Data) -> [Float] {
    data.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map {
            Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
        }
    }
}
