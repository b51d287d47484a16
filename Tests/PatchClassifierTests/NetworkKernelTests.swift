import PatchClassifier
import Testing

@Suite struct NetworkKernelTests {
    /// The kernels that this CPU has beside the oracle.
    static let fastKernels = Kernel.allCases.filter { $0 != .portable && $0.isSupported }

    static let shapes = [
        NetworkShape.family,
        NetworkShape(side: 31, channels: [1, 3], kernels: [3, 3], hidden: [5]),
        NetworkShape(side: 45, channels: [7, 9, 15], kernels: [3, 3, 3], hidden: [33, 31]),
        NetworkShape(side: 52, channels: [8, 24, 40], kernels: [3, 3, 3], hidden: [104]),
        NetworkShape(side: 38, channels: [17, 48, 56], kernels: [5, 3, 1], hidden: [64, 8]),
        NetworkShape(side: 27, channels: [33, 72], kernels: [2, 4], hidden: []),
        NetworkShape(side: 4, channels: [16], kernels: [3], hidden: [9]),
        NetworkShape(side: 15, channels: [80], kernels: [3], hidden: [121]),
    ]

    @Test(.enabled(if: !fastKernels.isEmpty, "this CPU has the portable kernel only"), arguments: shapes, fastKernels)
    func `a fast kernel gives the portable one's bits on random weights`(shape: NetworkShape, kernel: Kernel) throws {
        for seed in 1...(shape.side == 96 ? 1 : 3) {
            var random = RandomNumbers(state: UInt64(seed) + 100)
            let patches = (0..<7).map { _ in random.patch(side: shape.side) }
            for arithmetic in Arithmetic.allCases {
                let network = try shape.network(seed: UInt64(seed), arithmetic: arithmetic)
                let fast = try Classifier(network, kernel: kernel).classify(patches)
                let portable = try Classifier(network, kernel: .portable).classify(patches)
                #expect(bits(fast) == bits(portable))
                #expect(Set(bits(fast)).count > 1, "the patches are told apart")
            }
        }
    }

    @Test(.enabled(if: PublishedModel.areThere, "the shared folder is absent"), arguments: fastKernels)
    func `a fast kernel gives the portable one's bits on real patches`(kernel: Kernel) throws {
        let patches = try realPatches(64).map(\.patch)
        for model in PublishedModel.allCases {
            for arithmetic in Arithmetic.allCases {
                let network = try Network(model.weights(), arithmetic: arithmetic)
                let fast = try Classifier(network, kernel: kernel).classify(patches)
                #expect(try bits(fast) == bits(Classifier(network, kernel: .portable).classify(patches)))
            }
        }
    }

    @Test(arguments: [Kernel.portable] + fastKernels)
    func `an answer does not depend on the batch, the order or the capacity`(kernel: Kernel) throws {
        let shape = NetworkShape(side: 24, channels: [8, 16], kernels: [3, 3], hidden: [21])
        let network = try shape.network(seed: 5)
        var random = RandomNumbers(state: 6)
        let patches = (0..<64).map { _ in random.patch(side: shape.side) }
        let alone = try patches.map { try Classifier(network, kernel: kernel, capacity: 1).classify([$0])[0] }
        for capacity in [1, 2, 5, 64] {
            let classifier = Classifier(network, kernel: kernel, capacity: capacity)
            for count in [1, 2, 7, 64] {
                let order = Array(patches.indices.shuffled(using: &random).prefix(count))
                let answers = try classifier.classify(order.map { patches[$0] })
                #expect(bits(answers) == bits(order.map { alone[$0] }))
            }
        }
    }

    @Test func `threads that share a network give the same bits at once`() async throws {
        let shape = NetworkShape.family
        let network = try shape.network(seed: 9)
        var random = RandomNumbers(state: 10)
        let patches = (0..<16).map { _ in random.patch(side: shape.side) }
        let alone = try bits(Classifier(network).classify(patches))
        try await withThrowingTaskGroup(of: [[UInt32]].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let classifier = Classifier(network, capacity: 3)
                    var answers = [[UInt32]]()
                    for _ in 0..<10 { answers = try bits(classifier.classify(patches)) }
                    return answers
                }
            }
            for try await answers in group { #expect(answers == alone) }
        }
    }

    @Test func `the best kernel is one that the CPU has`() {
        #expect(Kernel.best.isSupported)
        #expect(Kernel.portable.isSupported)
        #expect(Self.fastKernels.isEmpty == (Kernel.best == .portable))
    }
}
