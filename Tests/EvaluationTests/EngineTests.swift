import Foundation
import PatchClassifier
import Testing

@testable import Database
@testable import Evaluation

/// What a prediction was computed with stands beside it, and computes it again.
@Suite(.needsStack) struct EngineTests {
    @Test(arguments: Arithmetic.allCases)
    func `a stored prediction is computed again to its last bit, by its engine and by the portable kernel`(
        arithmetic: Arithmetic
    ) async throws {
        try await Laboratory.with { laboratory in
            let registry = try laboratory.registry()
            _ = try registry.importModel(
                path: TemplateDatabase.weights, name: "counted",
                rule: DecisionRule(OperatingPoint(threshold: 0.35)), arithmetic: arithmetic, card: nil)
            _ = try registry.activate("counted", reason: "a test")
            try laboratory.publish(try TestPatches.jobs(16))
            try laboratory.drain()
            let folder = FileManager.default.temporaryDirectory.appending(path: laboratory.databaseName)
            var stored: [String: (normal: Float, tumor: Float, engine: String)] = [:]
            for row in try laboratory.database.query(
                "select message_id, log_p_normal, log_p_tumor, engine from sentinode.predictions")
            {
                let number = try #require(try row.text("message_id").split(separator: "-").last.flatMap { Int($0) })
                let file = folder.appending(path: "\(number).png")
                try Data(TestPatches.png(number)).write(to: file)
                stored[file.path] = (
                    try row.float4("log_p_normal"), try row.float4("log_p_tumor"), try row.text("engine")
                )
            }
            #expect(stored.count == 16)
            let engine = try #require(stored.values.first?.engine)
            #expect(engine == Engine(arithmetic).name)
            for name in [engine, "\(arithmetic.rawValue)/portable", arithmetic.rawValue] {
                let run = try laboratory.runToEnd(
                    "classify", folder.path, "--model", TemplateDatabase.weights, "--engine", name, "--json")
                #expect(run.end == .exit(0), "\(run.log)")
                let lines = run.output.split(separator: "\n")
                #expect(lines.count == 16)
                for line in lines {
                    let answer = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
                    let expected = try #require(stored[answer.file])
                    #expect(answer.log_p_normal == expected.normal && answer.log_p_tumor == expected.tumor, "\(name)")
                    #expect(answer.engine.hasPrefix(arithmetic.rawValue))
                }
            }
        }
    }

    private struct Line: Decodable {
        let file: String
        let log_p_normal: Float
        let log_p_tumor: Float
        let engine: String
    }

    @Test func `what was imported under another arithmetic is the same version under its name`() async throws {
        try await Laboratory.with { laboratory in
            let registry = try laboratory.registry()
            func imported(_ name: String, _ arithmetic: Arithmetic?) throws -> ModelRegistry.Imported {
                try registry.importModel(
                    path: TemplateDatabase.weights, name: name,
                    rule: DecisionRule(OperatingPoint(threshold: 0.25)), arithmetic: arithmetic, card: nil)
            }
            #expect(try imported("kept", .direct) == .new)
            #expect(try imported("kept", nil) == .already(differing: []))
            // One that is asked for is not given another in silence.
            #expect(throws: OperationError.self) { try imported("kept", .winograd) }
            #expect(try registry.version(named: "kept").arithmetic == "direct-1")
            #expect(try imported("moved", .winograd) == .new)
            #expect(throws: OperationError.self) { try imported("again", .winograd) }
        }
    }

    @Test func `weights that Winograd rounds too much are refused, and taken as they are by definition`() async throws {
        try await Laboratory.with { laboratory in
            let weights = try Weights.read(path: TemplateDatabase.weights)
            let patch = PatchSynthesizer(seed: 1).patch(number: 1, tumor: true)
            let logOdds = try Classifier(Network(weights)).classify([patch])[0].logOdds
            // The last layer a million times as large, and moved so that this patch stays near one half.
            let scale: Float = 1e6
            let last = try #require(weights.tensors.last { $0.shape.count == 2 }).name.dropLast(".weight".count)
            let loud = try Weights(
                tensors: weights.tensors.map { tensor in
                    guard tensor.name.hasPrefix(last) else { return tensor }
                    var values = tensor.values.map { $0 * scale }
                    if tensor.shape.count == 1 { values[1] -= Float(logOdds) * scale }
                    return Weights.Tensor(name: tensor.name, shape: tensor.shape, values: values)
                })
            let file = FileManager.default.temporaryDirectory.appending(path: "\(laboratory.databaseName).safetensors")
            try Data(loud.safetensors()).write(to: file)
            defer { unlink(file.path) }
            func imported(_ name: String, _ arithmetic: Arithmetic) throws -> ModelRegistry.Imported {
                try laboratory.registry().importModel(
                    path: file.path, name: name, rule: DecisionRule(OperatingPoint(threshold: 0.5)),
                    arithmetic: arithmetic, card: nil)
            }
            let refusal = #expect(throws: OperationError.self) { try imported("loud", .winograd) }
            #expect(refusal?.description.contains("--arithmetic direct-1") == true)
            #expect(try imported("loud", .direct) == .new)
        }
    }
}
