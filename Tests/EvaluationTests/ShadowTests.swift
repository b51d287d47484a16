import Foundation
import MessageBroker
import PatchClassifier
import Testing

@testable import Database
@testable import Evaluation

/// Versions that predict beside the active one and decide nothing.
@Suite(.needsStack) struct ShadowTests {
    private static let criteria = ShadowCriteria(
        fewestDays: 3, fewestLabels: 10, fewestTumorLabels: 2, recallMargin: 0.1, specificityMargin: 0.1,
        mostDisagreement: 0.5, mostUncertain: 0.4)

    private func importCandidate(_ laboratory: Laboratory, threshold: Float = 0.3) throws -> ModelRegistry {
        let registry = try laboratory.registry()
        _ = try registry.importModel(
            path: TemplateDatabase.weights, name: "candidate",
            rule: DecisionRule(OperatingPoint(threshold: threshold), temperature: 2, augmentation: .dihedral), card: nil
        )
        return registry
    }

    @Test func `a shadow is asked from its start to its end, without a restart, and decides nothing`() async throws {
        try await Laboratory.with { laboratory in
            let registry = try importCandidate(laboratory)
            let worker = try laboratory.start("work", "--lanes", "2")
            func evaluate(_ count: Int, _ prefix: String) throws {
                let before = try laboratory.predictions()
                try laboratory.publish(try TestPatches.jobs(count, prefix: prefix))
                try wait(for: "all of \(prefix)") { try laboratory.predictions() == before + count }
            }
            try evaluate(40, "before")
            try registry.startShadow("candidate", Self.criteria, reason: "a test")
            try evaluate(200, "meanwhile")
            try registry.endShadow("candidate", reason: "a test")
            try evaluate(40, "later")
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            let asked = try laboratory.database.query(
                """
                select split_part(message_id, '-', 1) as part, count(*) from sentinode.shadow_predictions
                join sentinode.predictions using (job_id) group by 1
                """
            ).map { "\(try $0.text("part")) \(try $0.int8("count"))" }
            #expect(asked == ["meanwhile 200"])
            #expect(
                try laboratory.count("select count(*) from sentinode.predictions where model_version = 'candidate'")
                    == 0)
            // The temperature and the eight symmetries are the version's own.
            let stored = try laboratory.database.query(
                """
                select shadow.p_tumor, shadow.log_p_tumor::float8 - shadow.log_p_normal as log_odds, message_id
                from sentinode.shadow_predictions as shadow join sentinode.predictions using (job_id) limit 1
                """
            ).onlyRow()
            let number = try #require(Int(stored.text("message_id").dropFirst("meanwhile-".count)))
            let patch = try Patch(png: TestPatches.png(number % 16), width: 96, height: 96)
            let network = try Network(Weights.read(path: TemplateDatabase.weights))
            let answer = try Classifier(network, augmentation: .dihedral).classify([patch])[0]
            #expect(try abs(stored.float8("log_odds") - answer.logOdds) < 1e-6)
            #expect(try stored.float4("p_tumor") == answer.pTumor(at: 2))
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `an opinion that was left without its prediction has its job quarantined, and holds no lane`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try importCandidate(laboratory).startShadow("candidate", Self.criteria, reason: "a test")
            let jobs = try TestPatches.jobs(2)
            try laboratory.publish([jobs[0]])
            try laboratory.drain()
            // As nobody's program can, and a superuser with triggers switched off can.
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "set session_replication_role = replica; delete from sentinode.predictions")
            try laboratory.publish(jobs)
            try laboratory.drain()
            #expect(try laboratory.predictions() == 1)
            let quarantined = try laboratory.database.query(
                "select reason, explanation from sentinode.quarantined_messages"
            ).onlyRow()
            #expect(try quarantined.text("reason") == "unstorable")
            #expect(try quarantined.text("explanation").contains("23505, shadow_predictions_pkey"))
        }
    }

    @Test func `an activation in spite of criteria is audited, and the monitor raises an alert`() async throws {
        try await Laboratory.with { laboratory in
            let registry = try importCandidate(laboratory)
            try registry.startShadow("candidate", Self.criteria, reason: "a test")
            try laboratory.publish(try TestPatches.jobs(20))
            try laboratory.drain()
            let trial = try #require(try registry.shadowTrial(of: "candidate"))
            #expect(trial.patches == 20)
            #expect(trial.unmet.map(\.name) == ["time", "labels", "tumour labels", "recall", "specificity"])
            #expect(trial.criteria.last?.finding.contains("not enough data: labels of 0 of 10 slides") == true)
            let refusal = #expect(throws: OperationError.self) { try registry.activate("candidate", reason: "a test") }
            #expect(refusal?.description.contains("of at least 3 days") == true)
            let quiet = try laboratory.start("monitor", "--fail-on-alert")
            #expect(try quiet.waitForEnd() == .exit(0))

            let done = try laboratory.start("model", "activate", "candidate", "--override", "--reason", "urgent")
            #expect(try done.waitForEnd() == .exit(0))
            let detail = try laboratory.database.query(
                "select detail->>'overridden' as overridden from audit.events where action = 'model.activated' and subject = 'candidate'"
            ).onlyRow().text("overridden")
            #expect(detail.contains("labels: 0 of at least 10"))
            // A pause later, the version is still the one that was activated in spite of them.
            _ = try laboratory.workSwitch().pause(reason: "a test")
            let loud = try laboratory.start("monitor", "--fail-on-alert")
            #expect(try loud.waitForEnd() == .exit(1))
            let alerts = try laboratory.database.query("select model_version, reason from monitor.open_alerts").map {
                (try $0.text("model_version"), try $0.text("reason"))
            }
            #expect(alerts.count == 1 && alerts[0].0 == "candidate")
            #expect(alerts.first?.1.hasPrefix("candidate was activated although its shadow period had not met") == true)
            #expect(try !registry.version(named: "candidate").isShadow)
            #expect(try !registry.activate("candidate", reason: "again"), "it is active already")
            #expect(try registry.rollback(reason: "a test") == TemplateDatabase.modelVersion)
            let refused = #expect(throws: OperationError.self) { try registry.rollback(reason: "once more") }
            #expect(refused?.description.contains("no version to go back to") == true)
        }
    }

    @Test func `what cannot be in shadow, rolled back to or retired is said`() async throws {
        try await Laboratory.with { laboratory in
            let registry = try importCandidate(laboratory)
            func refusal(_ act: () throws -> Void) -> String {
                (#expect(throws: OperationError.self) { try act() })?.description ?? ""
            }
            let active = TemplateDatabase.modelVersion
            #expect(refusal { _ = try registry.rollback(reason: "a test") }.contains("no version to go back to"))
            #expect(
                refusal { try registry.retire(active, reason: "a test") }.contains("activate another version first"))
            #expect(
                refusal { try registry.startShadow(active, Self.criteria, reason: "a test") }.contains(
                    "decides already"))
            #expect(refusal { try registry.endShadow("candidate", reason: "a test") }.contains("no shadow period"))
            try registry.startShadow("candidate", Self.criteria, reason: "a test")
            #expect(
                refusal { try registry.startShadow("candidate", Self.criteria, reason: "a test") }
                    .contains("stay as they were written down"))
            try laboratory.importSmallModel(registry, named: "small")
            #expect(
                refusal { try registry.startShadow("small", Self.criteria, reason: "a test") }.contains(
                    "takes patches of"))
            try registry.retire("candidate", reason: "not needed")
            #expect(
                refusal { _ = try registry.activate("candidate", reason: "a test") }
                    .contains("was retired by"))
            #expect(
                refusal { try registry.startShadow("candidate", Self.criteria, reason: "a test") }.contains(
                    "not needed"))
            let list = try laboratory.runToEnd("model", "list").output
            #expect(list.split(separator: "\n").contains { $0.hasPrefix("r  candidate") })

            for (json, words) in [
                ("{}", "is missing"), ("[", "no JSON object"),
                (#"{"fewest_days": "x"}"#, "fewest_days is no number"),
                (Self.criteria.json.replacing("0.5", with: "5"), "and most_uncertain are 0 to 1"),
            ] {
                let file = try laboratory.write(json, to: "criteria.json")
                let refused = try laboratory.runToEnd(
                    "model", "shadow", "candidate", "--criteria", file, "--reason", "a test")
                #expect(refused.end == .exit(1) && refused.log.contains(words), "\(refused.log)")
            }
        }
    }

    @Test func `a patch that the version was not made for gets no confident answer`() async throws {
        try await Laboratory.with { laboratory in
            let registry = try laboratory.registry()
            _ = try registry.importModel(
                path: TemplateDatabase.weights, name: "scoped", rule: DecisionRule(OperatingPoint(threshold: 0.5)),
                scope: DeclaredScope(mpp: 0.9...1.1, stains: ["H&E"]), card: nil)
            _ = try registry.activate("scoped", reason: "a test")
            let headers: [String: [Field]] = [
                "inside": [Field("mpp", .double(0.97)), Field("stain", .text("H&E"))], "silent": [],
                "fine": [Field("mpp", .double(0.25))], "blue": [Field("stain", .text("Giemsa"))],
            ]
            try laboratory.publish(
                try headers.map { TestPatches.message(try TestPatches.png(1), id: $0.key, headers: $0.value) })
            try laboratory.drain()
            let rows = try laboratory.database.query(
                "select message_id, decision, review_reason, selection_probability from sentinode.predictions")
            for row in rows {
                let isOutside = ["fine", "blue"].contains(try row.text("message_id"))
                #expect(try (row.text("decision") == "uncertain") == isOutside)
                #expect(try row.optionalText("review_reason") == (isOutside ? "out_of_scope" : nil))
                #expect(try row.float8("selection_probability") == (isOutside ? 1 : 0))
            }
            #expect(rows.count == 4)
            #expect(ReviewStratum(reason: "out_of_scope", isCalledTumor: true) == .uncertain)
            let uncertain = try laboratory.takeEvents().filter { $0.routingKey == "prediction.uncertain" }
            #expect(uncertain.count == 2)
        }
    }

    @Test func `a version that answers a golden patch otherwise than at its import is refused`() async throws {
        try await Laboratory.with { laboratory in
            _ = try importCandidate(laboratory)
            let settings = laboratory.settings
            let version = try VersionShelf().version(named: "candidate", from: DatabaseConnection(settings))
            var golden = try GoldenPatch.stored("candidate", side: 96, laboratory.database)
            #expect(golden.count == 4)
            try WarmUp.check(version.network, .dihedral, golden)
            #expect(throws: VersionError.self) { try WarmUp.check(version.network, .none, golden) }
            let last = golden.removeLast()
            golden.append(
                GoldenPatch(
                    png: last.png, patch: last.patch,
                    answer: LogProbabilities(normal: last.answer.normal.nextDown, tumor: last.answer.tumor)))
            #expect(throws: VersionError.self) { try WarmUp.check(version.network, .dihedral, golden) }
        }
    }
}
