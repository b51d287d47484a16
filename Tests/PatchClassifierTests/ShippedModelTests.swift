import Foundation
import PatchClassifier
import Testing

@Suite struct ShippedModelTests {
    private struct Answer {
        let number: Int
        let isTumor: Bool
        let normal: Double
        let tumor: Double
    }

    /// What PyTorch computes, made by the script beside it.
    private static func answers() throws -> [Answer] {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/shipped")
        let text = try String(contentsOf: folder.appending(path: "answers.csv"), encoding: .utf8)
        return try text.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",")
            return Answer(
                number: try #require(Int(fields[0])), isTumor: fields[1] == "1",
                normal: try #require(Double(fields[2])),
                tumor: try #require(Double(fields[3])))
        }
    }

    @Test(arguments: Kernel.allCases.filter(\.isSupported))
    func `the shipped model gives PyTorch's answers for artificial patches`(kernel: Kernel) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let weights = try Weights.read(path: root.appending(path: "models/sentinode-baseline-1.safetensors").path)
        let expected = try Self.answers()
        #expect(expected.count == 40)
        let synthesizer = PatchSynthesizer(seed: 5)
        let patches = expected.map { synthesizer.patch(number: $0.number, tumor: $0.isTumor) }
        let given = try Classifier(Network(weights), kernel: kernel).classify(patches)
        for (answer, reference) in zip(given, expected) {
            #expect(abs(Double(answer.normal) - reference.normal) < 1e-4)
            #expect(abs(Double(answer.tumor) - reference.tumor) < 1e-4)
            #expect((answer.pTumor >= 0.5) == (reference.tumor >= log(0.5)))
        }
    }
}
