import Foundation
import PatchClassifier
import Testing

@Suite struct NetworkReferenceTests {
    @Test(arguments: Arithmetic.allCases, Kernel.allCases.filter(\.isSupported))
    func `small networks give NumPy's double precision answers`(arithmetic: Arithmetic, kernel: Kernel) throws {
        let fixtures = try NetworkFixture.all()
        #expect(fixtures.count == 5)
        for fixture in fixtures {
            let network = try Network(fixture.weights(), side: fixture.given_side, arithmetic: arithmetic)
            try #require(network.architecture.side == fixture.side, "\(fixture.name)")
            let answers = try Classifier(network, kernel: kernel, capacity: 2).classify(fixture.images())
            #expect(answers.count == fixture.log_probabilities.count)
            for (answer, expected) in zip(answers, fixture.log_probabilities) {
                // Float sums of up to some hundred terms of size one, several layers deep.
                #expect(abs(Double(answer.normal) - expected[0]) < 5e-6, "\(fixture.name)")
                #expect(abs(Double(answer.tumor) - expected[1]) < 5e-6, "\(fixture.name)")
            }
        }
    }

    @Test(arguments: Arithmetic.allCases, Kernel.allCases.filter(\.isSupported))
    func `small networks give the bits that their arithmetic is defined to give`(
        arithmetic: Arithmetic, kernel: Kernel
    ) throws {
        for fixture in try NetworkFixture.all() {
            let network = try Network(fixture.weights(), side: fixture.given_side, arithmetic: arithmetic)
            let answers = try Classifier(network, kernel: kernel).classify(fixture.images())
            #expect(try bits(answers) == fixture.bits(arithmetic), "\(fixture.name)")
        }
    }

    @Test func `arithmetics differ where there is a 3x3 convolution behind the first, and only there`() throws {
        for fixture in try NetworkFixture.all() {
            let kernels = try fixture.weights().tensors.map(\.shape).filter { $0.count == 4 }.map { $0[2] }
            #expect(
                try (fixture.bits(.direct) != fixture.bits(.winograd)) == kernels.dropFirst().contains(3),
                "\(fixture.name)")
        }
    }

    @Test(arguments: Kernel.allCases.filter(\.isSupported))
    func `the last layer makes the answer of the embedding`(kernel: Kernel) throws {
        for fixture in try NetworkFixture.all() {
            let weights = try fixture.weights()
            let network = try Network(weights, side: fixture.given_side)
            let classifier = Classifier(network, kernel: kernel, capacity: 2)
            let images = fixture.images()
            let answers = try classifier.classify(images) { $0 != 1 }
            #expect(try bits(answers.map(\.probabilities)) == fixture.bits(.current), "\(fixture.name)")
            let (matrix, bias) = (
                weights.tensors[weights.tensors.count - 2], weights.tensors[weights.tensors.count - 1]
            )
            for (place, answer) in answers.enumerated() {
                guard let embedding = answer.embedding else {
                    #expect(place == 1)
                    continue
                }
                #expect(place != 1 && embedding.count == classifier.network.architecture.embeddingSize)
                let logits = (0..<2).map { row in
                    embedding.enumerated().reduce(Double(bias.values[row])) {
                        $0 + Double(matrix.values[row * embedding.count + $1.offset]) * Double($1.element)
                    }
                }
                let difference = Double(answer.probabilities.tumor) - Double(answer.probabilities.normal)
                #expect(abs(logits[1] - logits[0] - difference) < 1e-5, "\(fixture.name)")
            }
        }
    }

    @Test(
        .enabled(if: PublishedModel.areThere, "the shared folder is absent"),
        arguments: PublishedModel.allCases, Kernel.allCases.filter(\.isSupported))
    func `every value for the real patches agrees with PyTorch, and every decision`(
        model: PublishedModel, kernel: Kernel
    ) throws {
        let expected = try model.answers()
        try #require(expected.count == 1000)
        // The portable kernel is a hundred times slower, and has the bits of the others anyway.
        let patches = try realPatches(kernel == .portable ? 64 : 1000)
        for arithmetic in Arithmetic.allCases {
            let network = try Network(model.weights(), arithmetic: arithmetic)
            let answers = try Classifier(network, kernel: kernel).classify(patches.map(\.patch))
            for ((id, _), answer) in zip(patches, answers) {
                let (normal, tumor) = try #require(expected[id])
                #expect(abs(answer.normal - normal) < 1e-4, "\(id)")
                #expect(abs(answer.tumor - tumor) < 1e-4, "\(id)")
                #expect((answer.pTumor >= 0.5) == (tumor >= normal), "\(id)")
            }
        }
    }
}

/// Weights in the shared folder with the log-probabilities that PyTorch computes from them.
enum PublishedModel: String, CaseIterable, Sendable {
    case baseline, seed, packt

    static let areThere = WeightsFixtures.isSharedPresent && RealPatches.areThere

    func weights() throws -> Weights {
        let file =
            switch self {
            case .baseline: "baseline.pt"
            case .seed: "seed_cnn_weights.pt"
            case .packt: "packt_cnn_weights.pt"
            }
        return try Weights.read(path: WeightsFixtures.shared.appendingPathComponent(file).path)
    }

    /// Log-probabilities of normal and tumour by patch id.
    func answers() throws -> [String: (normal: Float, tumor: Float)] {
        let file =
            switch self {
            case .baseline: "baseline_test_log_probabilities.csv"
            case .seed: "seed_maiurilorenzo_test_log_probabilities.csv"
            case .packt: "packt_chapter09_test_log_probabilities.csv"
            }
        let text = try String(contentsOf: WeightsFixtures.shared.appendingPathComponent(file), encoding: .utf8)
        var answers: [String: (normal: Float, tumor: Float)] = [:]
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let fields = line.split(separator: ",")
            try #require(fields.count == 3)
            answers[String(fields[0])] = try (#require(Float(fields[1])), #require(Float(fields[2])))
        }
        return answers
    }
}

/// The first `count` real patches by id, decoded.
func realPatches(_ count: Int) throws -> [(id: String, patch: Patch)] {
    try RealPatches.files().prefix(count).map { file in
        let png = try [UInt8](Data(contentsOf: file))
        return (file.deletingPathExtension().lastPathComponent, try Patch(png: png, width: 96, height: 96))
    }
}
