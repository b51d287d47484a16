import Foundation
import PatchClassifier
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ControlTests {
    @Test func `a pause stops deciding at its commit, and work goes on after it`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(1500))
            let worker = try laboratory.start("work", "--lanes", "2")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            let work = try laboratory.workSwitch()
            #expect(try work.pause(reason: "a test"))
            #expect(try !work.pause(reason: "a test"))
            let stopped = try laboratory.predictions()
            try wait(for: "both lanes to pause") {
                try worker.log().components(separatedBy: "work is paused").count == 3
            }
            #expect(try laboratory.predictions() == stopped)
            #expect(stopped < 1500)
            #expect(try work.resume(reason: "a test"))
            #expect(try !work.resume(reason: "a test"))
            try wait(for: "all predictions") { try laboratory.predictions() == 1500 }
            try wait(for: "the outbox") { try laboratory.count("select count(*) from sentinode.outbox") == 0 }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            let kinds = Set(try laboratory.takeEvents().map(\.routingKey))
            #expect(kinds.isSuperset(of: ["model.activated", "work.paused", "work.resumed"]))
        }
    }

    @Test func `an activation is followed without a restart, and nothing is decided by the old version after it`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(2000))
            let registry = try laboratory.registry()
            _ = try registry.importModel(
                path: TemplateDatabase.weights, name: "other-1", rule: DecisionRule(OperatingPoint(threshold: 0.25)),
                card: nil)
            let worker = try laboratory.start("work", "--lanes", "2")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            #expect(try registry.activate("other-1", reason: "a test"))
            let after = try laboratory.database.query("select clock_timestamp() as now").onlyRow().timestamp("now")
            try wait(for: "all predictions") { try laboratory.predictions() == 2000 }
            let late = try laboratory.count(
                """
                select count(*) from sentinode.predictions as prediction
                join audit.events as event on event.writer = prediction.writer and event.seal = prediction.seal
                where model_version = $1 and event.occurred_at > $2
                """, [.text(TemplateDatabase.modelVersion), .timestamp(after)])
            #expect(late == 0)
            let byTheNew = try laboratory.count(
                "select count(*) from sentinode.predictions where model_version = 'other-1' and threshold = 0.25::real")
            #expect(byTheNew > 0)
            #expect(byTheNew < 2000)
            try wait(for: "the outbox") { try laboratory.count("select count(*) from sentinode.outbox") == 0 }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            let activations = try laboratory.takeEvents().filter { $0.routingKey == "model.activated" }
            #expect(activations.contains { $0.content.model_version == "other-1" })
        }
    }

    @Test func `a drain that meets a pause says so, and ends once work was resumed`() async throws {
        try await Laboratory.with { laboratory in
            let work = try laboratory.workSwitch()
            #expect(try work.pause(reason: "a test"))
            try laboratory.publish(try TestPatches.jobs(10))
            let worker = try laboratory.start("work", "--drain", "--lanes", "1")
            try wait(for: "the lane to say what it waits for") {
                try worker.log().contains("the drain waits until it is resumed")
            }
            #expect(worker.isRunning)
            #expect(try laboratory.predictions() == 0)
            #expect(try work.resume(reason: "a test"))
            #expect(try worker.waitForEnd() == .exit(0))
            try laboratory.expectExactlyOnce(jobs: 10)
        }
    }

    @Test func `a version of another patch size decides what was decoded for the one before`() async throws {
        try await Laboratory.with { laboratory in
            let registry = try laboratory.registry()
            try laboratory.importSmallModel(registry, named: "small-1")
            let small = try (0..<20).map { TestPatches.message(try TestPatches.png($0, side: 8), id: "small-\($0)") }
            try laboratory.publish(try TestPatches.jobs(20) + small)
            // In this order: the activation waits for the lock, then a lane that has decoded for the version before.
            try laboratory.holdControl()
            let url = laboratory.databaseURL
            // A child of this task, which has a thread of its own: a detached one would wait for tests that compute.
            async let activated = ModelRegistry(DatabaseSettings(url: url, applicationName: "sentinode tests"))
                .activate("small-1", reason: "a test")
            try wait(for: "the activation to wait") { try laboratory.lockWaiters() == 1 }
            let worker = try laboratory.start("work", "--lanes", "1", "--linger", "1s")
            try wait(for: "a lane that waits to record") { try laboratory.lockWaiters() == 2 }
            try laboratory.releaseControl()
            #expect(try await activated)
            try wait(for: "every message to be settled") {
                try laboratory.predictions() + laboratory.quarantine().count == 40
            }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            #expect(try worker.log().contains("other model versions are asked now"))
            let large = try (0..<20).map { (try TestPatches.jobID("job-\($0)"), ["wrong_size"]) }
            #expect(try laboratory.quarantine() == Dictionary(uniqueKeysWithValues: large))
            #expect(
                try laboratory.count(
                    "select count(*) from sentinode.predictions where model_version = 'small-1'") == 20)
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
        }
    }

    @Test func `what waits in the outbox is relayed while patches keep coming`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(3000))
            _ = try laboratory.start("work", "--lanes", "1")
            try wait(for: "an empty outbox") {
                try laboratory.count("select count(*) from sentinode.outbox") == 0
            }
            #expect(try laboratory.predictions() < 3000)
        }
    }
}

extension Laboratory {
    /// A version that looks at patches of 8x8: a convolution to 6x6, pooled to 3x3, and a linear layer.
    func importSmallModel(_ registry: ModelRegistry, named name: String) throws {
        func tensor(_ name: String, _ shape: [Int]) -> Weights.Tensor {
            let count = shape.reduce(1, *)
            return Weights.Tensor(name: name, shape: shape, values: (0..<count).map { Float($0 % 7) / 10 - 0.3 })
        }
        let weights = try Weights(tensors: [
            tensor("conv1.weight", [2, 3, 3, 3]), tensor("conv1.bias", [2]), tensor("fc1.weight", [2, 18]),
            tensor("fc1.bias", [2]),
        ])
        let file = FileManager.default.temporaryDirectory.appending(path: databaseName + ".safetensors")
        try Data(weights.safetensors()).write(to: file)
        defer { unlink(file.path) }
        _ = try registry.importModel(
            path: file.path, name: name, rule: DecisionRule(OperatingPoint(threshold: 0.5)), card: nil)
    }

    func registry() throws -> ModelRegistry {
        try ModelRegistry(DatabaseSettings(url: databaseURL, applicationName: "sentinode tests"))
    }

    func workSwitch() throws -> WorkSwitch {
        try WorkSwitch(DatabaseSettings(url: databaseURL, applicationName: "sentinode tests"))
    }
}
