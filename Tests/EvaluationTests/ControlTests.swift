import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ControlTests {
    @Test func `a pause stops deciding at its commit, and work goes on after it`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(1500))
            let worker = try laboratory.start("work", "--lanes", "2")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            let registry = try laboratory.registry()
            #expect(try registry.setPaused(true, reason: "a test"))
            let stopped = try laboratory.predictions()
            try wait(for: "both lanes to pause") {
                try worker.log().components(separatedBy: "work is paused").count == 3
            }
            #expect(try laboratory.predictions() == stopped)
            #expect(stopped < 1500)
            #expect(try registry.setPaused(false, reason: "a test"))
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
                path: TemplateDatabase.weights, name: "other-1", operatingPoint: OperatingPoint(threshold: 0.25),
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
    func registry() throws -> ModelRegistry {
        try ModelRegistry(DatabaseSettings(url: databaseURL, applicationName: "sentinode tests"))
    }
}
