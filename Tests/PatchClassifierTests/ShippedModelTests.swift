import Foundation
import PatchClassifier
import Testing

@Suite struct ShippedModelTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "models")

    private struct Answer {
        let number: Int
        let isTumor: Bool
        let normal: Double
        let tumor: Double
    }

    /// What PyTorch computes, made by the script beside it.
    private static func answers(_ model: String) throws -> [Answer] {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/shipped")
        let text = try String(contentsOf: folder.appending(path: model + ".csv"), encoding: .utf8)
        return try text.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",")
            return Answer(
                number: try #require(Int(fields[0])), isTumor: fields[1] == "1",
                normal: try #require(Double(fields[2])),
                tumor: try #require(Double(fields[3])))
        }
    }

    /// Where the model's decisions part, and by what its log-odds are divided before.
    private struct Lines: Decodable {
        var threshold = 0.5
        var uncertain_low: Double?
        var uncertain_high: Double?
        var temperature: Double?

        init(_ model: String) throws {
            let file = root.appending(path: model + ".version.json")
            guard FileManager.default.fileExists(atPath: file.path) else { return }
            self = try JSONDecoder().decode(Lines.self, from: Data(contentsOf: file))
        }

        func place(normal: Double, tumor: Double) -> Int {
            let probability = 1 / (1 + exp((normal - tumor) / (temperature ?? 1)))
            return [threshold, uncertain_low ?? 0, uncertain_high ?? 0].count { probability >= $0 }
        }
    }

    @Test(arguments: ["sentinode-1", "sentinode-baseline-1"], Arithmetic.allCases)
    func `a shipped model gives PyTorch's answers and decisions for artificial patches, with every kernel`(
        model: String, arithmetic: Arithmetic
    ) throws {
        let weights = try Weights.read(path: Self.root.appending(path: model + ".safetensors").path)
        let lines = try Lines(model)
        let expected = try Self.answers(model)
        #expect(expected.count == 40)
        let synthesizer = PatchSynthesizer(seed: 5)
        let patches = expected.map { synthesizer.patch(number: $0.number, tumor: $0.isTumor) }
        var places: Set<Int> = []
        for kernel in Kernel.allCases.filter(\.isSupported) {
            let given = try Classifier(Network(weights, arithmetic: arithmetic), kernel: kernel).classify(patches)
            for (answer, reference) in zip(given, expected) {
                #expect(abs(Double(answer.normal) - reference.normal) < 1e-4)
                #expect(abs(Double(answer.tumor) - reference.tumor) < 1e-4)
                let place = lines.place(normal: reference.normal, tumor: reference.tumor)
                #expect(lines.place(normal: Double(answer.normal), tumor: Double(answer.tumor)) == place)
                places.insert(place)
            }
        }
        #expect(places.count > 1)
    }
}
