import PatchClassifier
import Testing

@Suite struct ClassifierTests {
    static let shape = NetworkShape(side: 12, channels: [4], kernels: [3], hidden: [6])

    @Test(arguments: [(12, 11), (11, 12), (96, 96), (0, 0)])
    func `a patch of another size is refused and nothing is answered`(width: Int, height: Int) throws {
        let classifier = try Classifier(Self.shape.network(seed: 1))
        var random = RandomNumbers(state: 2)
        let odd = Patch(width: width, height: height, rgb: Array(repeating: 7, count: width * height * 3))
        let patches = [random.patch(side: 12), odd]
        let error = try #require(refusal { () throws(NetworkError) in try classifier.classify(patches) })
        #expect(error.code == .patchSize)
        #expect(error.message == "patch 1 is \(width)x\(height) pixels, 12x12 was expected")
        #expect(!error.isTransient)
    }

    @Test func `no patches give no answers`() throws {
        #expect(try Classifier(Self.shape.network(seed: 1)).classify([]).isEmpty)
    }

    @Test(arguments: [-3, 0, 1, 3])
    func `any capacity answers every patch in order`(capacity: Int) throws {
        let network = try Self.shape.network(seed: 1)
        var random = RandomNumbers(state: 2)
        let patches = (0..<10).map { _ in random.patch(side: 12) }
        let classifier = Classifier(network, capacity: capacity)
        #expect(classifier.capacity == max(capacity, 1))
        let answers = try classifier.classify(patches)
        #expect(try bits(answers) == bits(patches.map { try Classifier(network).classify([$0])[0] }))
        #expect(Set(bits(answers)).count == 10)
    }

    @Test(arguments: Kernel.allCases)
    func `the engine names the arithmetic and the kernel that runs`(kernel: Kernel) throws {
        let classifier = try Classifier(Self.shape.network(seed: 1), kernel: kernel)
        #expect(classifier.kernel == (kernel.isSupported ? kernel : .portable))
        #expect(classifier.engine.name == "winograd-1/\(classifier.kernel.rawValue)")
    }
}
