import Foundation
import MessageBroker
import PatchClassifier
import Testing

@testable import Database
@testable import Evaluation

/// A version from the labels of one site to its retirement, each step as a person takes it.
@Suite(.needsStack) struct ModelLifeTests {
    private static let start = "published"

    /// Evaluates patches of slides of a site, every second with tumour, each picture another one.
    private func evaluate(_ slides: Range<Int>, of site: String, _ key: ReviewKey, _ laboratory: Laboratory) throws {
        let synthesizer = PatchSynthesizer(seed: 5)
        try laboratory.publish(
            try slides.flatMap { slide in
                try (0..<20).map { place in
                    let number = 20 * slide + place
                    return TestPatches.message(
                        try synthesizer.patch(number: number, tumor: number % 2 == 0).pngEncoded(),
                        id: "patch-\(number)",
                        headers: [Field("slide_id", .text("\(site)-\(slide)")), Field("site", .text(site))])
                }
            })
        try laboratory.drain(environment: ["SENTINODE_REVIEW_KEY": key.secretText])
    }

    /// Confirms, as a reader, what is known of every patch that waits on the worklist.
    private func confirm(_ patches: Range<Int>, _ reader: LaboratoryReader) throws {
        let numbers = Dictionary(
            uniqueKeysWithValues: try patches.map { (try TestPatches.jobID("patch-\($0)"), $0) })
        let connection = try reader.connect()
        defer { connection.close() }
        while true {
            let claimed = try connection.query("select job_id from review.claim(50)").map { try $0.uuid("job_id") }
            if claimed.isEmpty { return }
            for job in claimed {
                let label = try #require(numbers[job]) % 2 == 0 ? "tumor" : "normal"
                _ = try connection.query(
                    "select review.confirm($1, $2, reason => 'known from its making')", [.uuid(job), .text(label)])
            }
        }
    }

    /// Runs a command as somebody who has the role of an administrator and no other.
    @discardableResult
    private func sentinode(
        _ arguments: [String], ends code: Int32 = 0, _ administrator: LaboratoryReader, _ laboratory: Laboratory
    ) throws -> Program {
        let program = try laboratory.start(arguments, environment: ["SENTINODE_DATABASE_URL": administrator.url])
        #expect(try program.waitForEnd() == .exit(code), "\(arguments): \(program.lastWords())")
        return program
    }

    /// Published weights where they are at hand.
    private var published: String {
        let file = RealPatches.folder.appending(path: "../../models/seed_cnn_weights.pt").standardized.path
        return FileManager.default.fileExists(atPath: file) ? file : TemplateDatabase.weights
    }

    private func active(_ laboratory: Laboratory) throws -> String? {
        try laboratory.database.query(
            "select active_version from sentinode.control order by generation desc limit 1"
        ).onlyRow().optionalText("active_version")
    }

    @Test func `published weights learn from a site's labels, earn their place in shadow, and are rolled back`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let (out, name, key) = (laboratory.folder.path + "/tuned", Self.start, try ReviewKey.random())
            try laboratory.setPolicy(
                """
                [{"reason": "positive", "rate": 1, "keep_image_days": 30},
                 {"reason": "audit", "rate": 0.6, "keep_image_days": 30}]
                """, key: key)
            let administrator = try laboratory.makeLogin("in role sentinode_admin")
            defer { laboratory.drop(administrator) }
            try sentinode(
                ["model", "import", published, "--name", name, "--threshold", "0.4"], administrator, laboratory)
            try sentinode(["model", "activate", name, "--reason", "as published"], administrator, laboratory)
            try evaluate(0..<14, of: "north", key, laboratory)
            let criteria = try laboratory.write(
                """
                {"fewest_days": 0, "fewest_labels": 40, "fewest_tumor_labels": 10, "recall_margin": 0.9,
                 "specificity_margin": 0.9, "most_disagreement": 1, "most_uncertain": 0.5}
                """, to: "criteria.json")
            try laboratory.withReader { reader in
                try confirm(0..<280, reader)

                let labels = ["--from-database", "--site", "north"]
                let trained = try sentinode(
                    ["train"] + labels + [
                        "--init", name, "--recipe", "seed-50", "--epochs", "3", "--learning-rate", "1e-4", "--out", out,
                    ], administrator, laboratory)
                #expect(try trained.output().contains("had the lowest validation loss"))
                let weights = out + "/weights.safetensors"
                let evaluated = try sentinode(
                    ["evaluate"] + labels + [
                        "--model", weights, "--against", name, "--target-recall", "0.5", "--confidence", "0.9",
                        "--save",
                    ], administrator, laboratory)
                let table = try evaluated.output()
                #expect(table.contains("figures weigh each patch by those that it stands for"), "\(table)")
                #expect(table.contains("against \(name), on the same patches"))

                try sentinode(["model", "import", weights, "--name", "north-2"], administrator, laboratory)
                let differs = try sentinode(["model", "diff", name, "north-2"], administrator, laboratory).output()
                #expect(differs.contains("threshold") && differs.contains("of its length"))
                try sentinode(
                    ["model", "shadow", "north-2", "--criteria", criteria, "--reason", "beside the published"],
                    administrator, laboratory)
                try evaluate(14..<28, of: "north", key, laboratory)
                let early = try sentinode(
                    ["model", "activate", "north-2", "--reason", "impatience"], ends: 1, administrator, laboratory)
                #expect(try early.log().contains("has not met the criteria"))
                #expect(try active(laboratory) == name)
                try confirm(280..<560, reader)
            }
            let opinions = try laboratory.count(
                "select count(*) from sentinode.shadow_predictions where model_version = 'north-2'")
            #expect(opinions == 14 * 20)
            let met = try sentinode(["model", "shadow", "north-2"], administrator, laboratory).output()
            #expect(met.components(separatedBy: "not met").count == 1, "\(met)")

            try sentinode(
                ["model", "activate", "north-2", "--reason", "it met its criteria"], administrator, laboratory)
            try evaluate(28..<29, of: "north", key, laboratory)
            #expect(
                try laboratory.count("select count(*) from sentinode.predictions where model_version = 'north-2'") == 20
            )
            try sentinode(["model", "rollback", "--reason", "a drill"], administrator, laboratory)
            #expect(try active(laboratory) == name)
            let again = try sentinode(
                ["reevaluate", "--version", "north-2", "--slide", "north-0", "--slide", "north-1"], administrator,
                laboratory)
            let asked = try laboratory.count(
                """
                select count(*) from sentinode.shadow_predictions join sentinode.predictions using (job_id)
                where slide_id in ('north-0', 'north-1')
                """)
            #expect(asked > 0)
            #expect(try again.output().contains("was asked about \(asked) patches"))
            // What is in shadow can be taken out of it again.
            try sentinode(
                ["model", "shadow", "north-2", "--criteria", criteria, "--reason", "once more"], administrator,
                laboratory)
            try sentinode(["model", "shadow", "north-2", "--end", "--reason", "not now"], administrator, laboratory)
            try sentinode(["model", "retire", "north-2", "--reason", "the drill is over"], administrator, laboratory)
            let refused = try sentinode(
                ["model", "activate", "north-2", "--reason", "a try"], ends: 1, administrator, laboratory)
            #expect(try refused.log().contains("was retired"))
            try expectTrail(administrator, laboratory)
        }
    }

    /// Every act, with who did it and why, and nothing that verification finds wrong.
    private func expectTrail(_ administrator: LaboratoryReader, _ laboratory: Laboratory) throws {
        let actions = try laboratory.database.query(
            "select action, subject, reason, detail::text as detail from audit.events order by occurred_at"
        ).map { (try $0.text("action"), try $0.optionalText("subject"), try $0.optionalText("detail")) }
        func happened(_ action: String, _ subject: String, times: Int = 1) -> Bool {
            actions.count { $0.0 == action && $0.1 == subject } == times
        }
        #expect(happened("model.imported", Self.start) && happened("model.imported", "north-2"))
        #expect(happened("model.shadow_started", "north-2", times: 2) && happened("model.shadow_ended", "north-2"))
        #expect(happened("model.activated", Self.start, times: 2) && happened("model.activated", "north-2"))
        #expect(happened("model.reevaluated", "north-2") && happened("model.retired", "north-2"))
        #expect(actions.contains { $0.0 == "label.confirmed" })
        let shown = try sentinode(["model", "show", "north-2"], administrator, laboratory).output()
        #expect(shown.contains("final labels of north as of") && shown.contains("threshold for a recall"), "\(shown)")
        #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        let auditor = try laboratory.makeLogin("in role sentinode_auditor")
        defer { laboratory.drop(auditor) }
        let verified = try laboratory.runToEnd("audit", "verify", environment: ["SENTINODE_DATABASE_URL": auditor.url])
        #expect(verified.end == .exit(0), "\(verified.log)\(verified.output)")
    }
}
