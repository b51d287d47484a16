import PatchClassifier
import Testing

@Suite struct NetworkArchitectureTests {
    @Test func `the published shape is taken from the weights`() throws {
        let architecture = try Architecture(NetworkShape.family.weights(seed: 1))
        #expect(architecture.side == 96)
        #expect(architecture.convolutions.map(\.inputSide) == [96, 47, 22, 10])
        #expect(architecture.convolutions.map(\.outputSide) == [47, 22, 10, 4])
        #expect(architecture.convolutions.map(\.inputChannels) == [3, 8, 16, 32])
        #expect(architecture.convolutions.map(\.outputChannels) == [8, 16, 32, 64])
        #expect(architecture.linears.map(\.inputs) == [1024, 100])
        #expect(architecture.linears.map(\.outputs) == [100, 2])
    }

    @Test func `a side is taken as given, else 96 where it fits, else the smallest even one`() throws {
        let weights = try NetworkShape.family.weights(seed: 1)
        for side in 94...109 { #expect(try Architecture(weights, side: side).side == side) }
        for side in [-1, 0, 93, 110] {
            #expect(refusal { () throws(NetworkError) in try Architecture(weights, side: side) }?.code == .side)
        }
        let smaller = try NetworkShape(side: 47, channels: [4, 4], kernels: [3, 3], hidden: [5]).weights(seed: 1)
        #expect(try Architecture(smaller).side == 46)
        // One kernel of two pixels: sides of 9 and 10 give 4 pooled pixels.
        let even = try NetworkShape(side: 9, channels: [4], kernels: [2], hidden: []).weights(seed: 1)
        #expect(try Architecture(even).side == 10)
    }

    static let broken: [(String, [[Int]], NetworkError.Code)] = [
        ("a convolution alone", [[8, 3, 3, 3], [8]], .shapes),
        ("linear layers alone", [[2, 12], [2]], .shapes),
        ("a weight without its bias", [[8, 3, 3, 3], [8], [2, 8]], .shapes),
        ("a bias of another length", [[8, 3, 3, 3], [9], [2, 8], [2]], .shapes),
        ("bias before weight", [[8], [8, 3, 3, 3], [2, 8], [2]], .shapes),
        ("three dimensions", [[8, 3, 3], [8], [2, 8], [2]], .shapes),
        ("no dimensions", [[], [], [2, 8], [2]], .shapes),
        ("one input channel", [[8, 1, 3, 3], [8], [2, 8], [2]], .shapes),
        ("an oblong kernel", [[8, 3, 3, 1], [8], [2, 8], [2]], .shapes),
        ("channels that do not chain", [[8, 3, 3, 3], [8], [4, 7, 3, 3], [4], [2, 4], [2]], .shapes),
        ("a convolution after a linear layer", [[8, 3, 3, 3], [8], [5, 8], [5], [2, 5, 1, 1], [2]], .shapes),
        ("pixels that are no square", [[8, 3, 3, 3], [8], [2, 24], [2]], .shapes),
        ("features that are no multiple of the channels", [[8, 3, 3, 3], [8], [2, 9], [2]], .shapes),
        ("fewer features than channels", [[8, 3, 3, 3], [8], [2, 4], [2]], .shapes),
        ("linear layers that do not chain", [[8, 3, 3, 3], [8], [5, 8], [5], [2, 6], [2]], .shapes),
        ("three classes", [[8, 3, 3, 3], [8], [3, 8], [3]], .shapes),
        (
            "too deep",
            [[1, 3, 1, 1], [1]] + Array(repeating: [[1, 1, 1, 1], [1]], count: 70).joined() + [[2, 1], [2]],
            .tooLarge
        ),
        ("too wide", [[2000, 3, 1, 1], [2000], [17, 2000, 1, 1], [17], [2, 17 * 3600], [2]], .tooLarge),
    ]

    @Test(arguments: broken)
    func `shapes that do not chain are refused with what was expected`(
        what: String, shapes: [[Int]], code: NetworkError.Code
    ) throws {
        let weights = try Weights(
            tensors: shapes.enumerated().map { index, shape in
                .init(name: "t\(index)", shape: shape, values: Array(repeating: 0, count: shape.reduce(1, *)))
            })
        let error = try #require(refusal { () throws(NetworkError) in try Network(weights) })
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains("expected"))
    }

    @Test func `weights whose sums could pass the range of float are refused`() throws {
        let shape = NetworkShape(side: 8, channels: [2], kernels: [3], hidden: [3])
        let tensors = try shape.weights(seed: 1).tensors
        for index in tensors.indices {
            var values = tensors[index].values
            values[0] = -.greatestFiniteMagnitude
            var spoilt = tensors
            spoilt[index] = .init(name: "spoilt", shape: tensors[index].shape, values: values)
            let weights = try Weights(tensors: spoilt)
            #expect(refusal { () throws(NetworkError) in try Network(weights) }?.code == .overflow)
        }
        // Each layer for itself is harmless, the product of all is not.
        let grown = try Weights(
            tensors: tensors.map { .init(name: $0.name, shape: $0.shape, values: $0.values.map { $0 * 1e14 }) })
        #expect(refusal { () throws(NetworkError) in try Network(grown) }?.code == .overflow)
    }

    @Test func `weights that only Winograd's sums would take out of range are refused for it alone`() throws {
        let shape = NetworkShape(side: 14, channels: [2, 2], kernels: [3, 3], hidden: [3])
        var tensors = try shape.weights(seed: 1).tensors
        func fill(_ index: Int, _ value: Float) {
            tensors[index] = .init(
                name: tensors[index].name, shape: tensors[index].shape,
                values: Array(repeating: value, count: tensors[index].values.count))
        }
        // The first layer says nothing, whatever the second would make of it.
        fill(0, 0)
        fill(1, 0)
        fill(2, 3e38)
        let weights = try Weights(tensors: tensors)
        #expect(refusal { () throws(NetworkError) in try Network(weights, arithmetic: .winograd) }?.code == .overflow)
        let patch = Patch(width: 14, height: 14, rgb: Array(repeating: 255, count: 588))
        let answer = try Classifier(Network(weights, arithmetic: .direct)).classify([patch])[0]
        #expect(answer.normal.isFinite && answer.tumor.isFinite)
    }

    @Test func `weights just inside the range give numbers`() throws {
        let shape = NetworkShape(side: 8, channels: [2], kernels: [3], hidden: [3])
        let tensors = try shape.weights(seed: 1).tensors
        let large = try Weights(
            tensors: tensors.map { .init(name: $0.name, shape: $0.shape, values: $0.values.map { $0 * 1e11 }) })
        var random = RandomNumbers(state: 3)
        let patches =
            (0..<8).map { _ in random.patch(side: 8) } + [
                Patch(width: 8, height: 8, rgb: Array(repeating: 255, count: 192))
            ]
        for answer in try Classifier(Network(large)).classify(patches) {
            #expect(answer.normal.isFinite && answer.tumor.isFinite)
            #expect(max(answer.normal, answer.tumor) == 0)
        }
    }
}

/// The refusal of what `make` does; nil where it is done.
func refusal<Value>(_ make: () throws(NetworkError) -> Value) -> NetworkError? {
    do {
        _ = try make()
        return nil
    } catch {
        return error
    }
}
