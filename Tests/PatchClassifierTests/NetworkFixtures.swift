import Foundation
import PatchClassifier
import Testing

/// A small network with patches and the answers that NumPy gives in double precision; see `make_fixtures.py`.
struct NetworkFixture: Decodable {
    struct Tensor: Decodable {
        let shape: [Int]
        let values: [Float]
    }

    let name: String
    /// The side of the patches, and the one to ask for; without it the rule must find `side`.
    let side: Int
    let given_side: Int?
    let tensors: [Tensor]
    /// RGB bytes in hexadecimal.
    let patches: [String]
    let log_probabilities: [[Double]]
    /// The bits of the floats that each arithmetic gives, worked out step by step.
    private let bits: [String: [[UInt32]]]

    func bits(_ arithmetic: Arithmetic) throws -> [[UInt32]] { try #require(bits[arithmetic.rawValue]) }

    static func all() throws -> [NetworkFixture] { try decoded("networks.json") }

    func weights() throws -> Weights {
        try Weights(
            tensors: tensors.enumerated().map { .init(name: "tensor\($0)", shape: $1.shape, values: $1.values) })
    }

    func images() -> [Patch] {
        patches.map { hex in
            let digits = Array(hex)
            let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(digits[$0...$0 + 1]), radix: 16)
            }
            return Patch(width: side, height: side, rgb: bytes)
        }
    }
}

/// Exact values of the functions behind the log-probabilities; see `make_fixtures.py`.
struct LogarithmFixture: Decodable {
    struct LogSoftmax: Decodable {
        let logits: [Float]
        let expected: [Double]

        init(from decoder: any Decoder) throws {
            var pair = try decoder.unkeyedContainer()
            logits = try pair.decode([Float].self)
            expected = try pair.decode([Double].self)
        }
    }

    /// Pairs of argument and value.
    let exp: [[Double]]
    let log1p: [[Double]]
    let log_softmax: [LogSoftmax]

    static func read() throws -> LogarithmFixture { try decoded("logarithms.json") }
}

private func decoded<Value: Decodable>(_ file: String) throws -> Value {
    let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/network")
    return try JSONDecoder().decode(Value.self, from: Data(contentsOf: folder.appendingPathComponent(file)))
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers in every run.
struct RandomNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func patch(side: Int) -> Patch {
        Patch(
            width: side, height: side, rgb: (0..<side * side * 3).map { _ in UInt8.random(in: 0...255, using: &self) })
    }

    mutating func tensor(_ name: String, _ shape: [Int], scale: Float) -> Weights.Tensor {
        let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -scale...scale, using: &self) }
        return Weights.Tensor(name: name, shape: shape, values: values)
    }
}

/// The shape of a network to fill with random weights.
struct NetworkShape: CustomTestStringConvertible, Sendable {
    let side: Int
    let channels: [Int]
    let kernels: [Int]
    let hidden: [Int]

    var testDescription: String { "\(side): \(channels) by \(kernels), \(hidden)" }

    /// The published shape.
    static let family = NetworkShape(side: 96, channels: [8, 16, 32, 64], kernels: [3, 3, 3, 3], hidden: [100])

    func weights(seed: UInt64) throws -> Weights {
        var random = RandomNumbers(state: seed)
        var tensors: [Weights.Tensor] = []
        var (inputs, side) = (3, side)
        for (index, (outputs, kernel)) in zip(channels, kernels).enumerated() {
            let scale = (6 / Float(inputs * kernel * kernel)).squareRoot()
            tensors.append(random.tensor("conv\(index)", [outputs, inputs, kernel, kernel], scale: scale))
            tensors.append(random.tensor("conv\(index) bias", [outputs], scale: 0.2))
            (inputs, side) = (outputs, (side - kernel + 1) / 2)
        }
        inputs *= side * side
        for (index, outputs) in (hidden + [2]).enumerated() {
            tensors.append(random.tensor("fc\(index)", [outputs, inputs], scale: (6 / Float(inputs)).squareRoot()))
            tensors.append(random.tensor("fc\(index) bias", [outputs], scale: 0.2))
            inputs = outputs
        }
        return try Weights(tensors: tensors)
    }

    func network(seed: UInt64, arithmetic: Arithmetic = .current) throws -> Network {
        try Network(weights(seed: seed), side: side, arithmetic: arithmetic)
    }
}

/// Two floats as bits, so that equal means equal to the last bit.
func bits(_ answers: [LogProbabilities]) -> [[UInt32]] { answers.map { [$0.normal.bitPattern, $0.tumor.bitPattern] } }
