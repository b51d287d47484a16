import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ReviewKeyTests {
    private static let rules = #"[{"reason": "audit", "rate": 0.5, "second_read_rate": 0.5, "keep_image_days": 0}]"#

    @Test func `work refuses to start without the policy's key or with another, and says what to do`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.setPolicy(Self.rules, key: try ReviewKey.random())
            try laboratory.publish(try TestPatches.jobs(5))
            let without = try laboratory.start("work", "--drain")
            #expect(try without.waitForEnd() == .exit(78))
            #expect(try without.log().contains("SENTINODE_REVIEW_KEY is not set"))
            #expect(try without.log().contains("sentinode review key --out FILE"))
            let other = try ReviewKey.random()
            let with = try laboratory.start("work", "--drain", environment: ["SENTINODE_REVIEW_KEY": other.secretText])
            #expect(try with.waitForEnd() == .exit(78))
            #expect(try with.log().contains("SENTINODE_REVIEW_KEY is another one"))
            #expect(try !with.log().contains(other.secretText))
            #expect(try laboratory.predictions() == 0)
            try wait(for: "the messages") { try laboratory.depth(of: BrokerNames.patches) == 5 }
        }
    }

    @Test func `a key that is no key is a fault of the configuration`() async throws {
        try await Laboratory.with { laboratory in
            let worker = try laboratory.start("work", environment: ["SENTINODE_REVIEW_KEY": "secret"])
            #expect(try worker.waitForEnd() == .exit(78))
            #expect(try worker.log().contains("SENTINODE_REVIEW_KEY is not 64 hexadecimal digits"))
        }
    }

    @Test func `when a policy with a key comes into force a worker without it stops, and nothing is lost`() async throws
    {
        try await Laboratory.with { laboratory in
            let key = try ReviewKey.random()
            let file = try laboratory.keyFile(key)
            defer { unlink(file) }
            try laboratory.publish(try TestPatches.jobs(1500))
            let worker = try laboratory.start("work", "--lanes", "2")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            try laboratory.setPolicy(Self.rules, key: key)
            #expect(try worker.waitForEnd() == .exit(78))
            #expect(try worker.log().contains("SENTINODE_REVIEW_KEY is not set"))
            #expect(try laboratory.predictions() < 1500)
            try laboratory.drain(lanes: 2, environment: ["SENTINODE_REVIEW_KEY_FILE": file])
            #expect(try laboratory.predictions() == 1500)
            #expect(try laboratory.quarantine().isEmpty)
            let drawn = try laboratory.count(
                "select count(*) from sentinode.predictions where audit_selected and review_policy = 1")
            #expect(drawn > 0)
        }
    }

    @Test func `keys and policies are made from the command line, with the database's warnings`() async throws {
        try await Laboratory.with { laboratory in
            let folder = FileManager.default.temporaryDirectory.appending(path: randomName())
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { remove(folder) }
            let (key, rules) = (folder.appending(path: "review.key").path, folder.appending(path: "rules.json").path)
            let making = try laboratory.start("review", "key", "--out", key)
            #expect(try making.waitForEnd() == .exit(0))
            let commitment = try making.output().trimmingCharacters(in: .newlines)
            #expect(try ReviewKey(contentsOfFile: key).commitmentText == commitment)
            let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try laboratory.start("review", "key", "--out", key).waitForEnd() == .exit(1))

            let set = ["review", "policy", "set", "--rules", rules, "--reason", "a test"]
            try Data(#"[{"reason": "audit", "site": "A", "rate": 0.5}]"#.utf8).write(to: URL(filePath: rules))
            let keyless = try laboratory.start(set)
            #expect(try keyless.waitForEnd() == .exit(1))
            #expect(try keyless.log().contains("names no key"))
            let setting = try laboratory.start(set + ["--key-file", key])
            #expect(try setting.waitForEnd() == .exit(0))
            #expect(try setting.log().contains("warning: no audit rule draws from everything"))
            // The hint is a sentence behind the warning, not the end of it.
            #expect(try setting.log().contains(". End the rules with"))
            let showing = try laboratory.start("review", "policy", "show")
            #expect(try showing.waitForEnd() == .exit(0))
            #expect(try showing.output().contains(commitment) && showing.output().contains("50 %"))
        }
    }

    @Test func `a policy is set for a later time, with another lease`() async throws {
        try await Laboratory.with { laboratory in
            let rules = try laboratory.write("[]", to: "rules.json")
            let set = ["review", "policy", "set", "--rules", rules, "--reason", "a test"]
            for (more, words) in [
                (["--valid-from", "tomorrow"], "'tomorrow' is invalid"),
                (["--valid-from", "2020-01-01T00:00:00Z"], "--valid-from has passed"),
                (["--lease-minutes", "0"], "--lease-minutes is 1 to 10080"),
                (["--lease-minutes", "10081"], "--lease-minutes is 1 to 10080"),
            ] {
                let refused = try laboratory.start(set + more)
                #expect(try refused.waitForEnd() == .exit(64))
                #expect(try refused.log().contains(words))
            }
            let setting = try laboratory.start(
                set + ["--valid-from", "2999-01-01T00:00:00+01:00", "--lease-minutes", "90"])
            #expect(try setting.waitForEnd() == .exit(0))
            #expect(try setting.output() == "policy 1 is in force from 2998-12-31T23:00:00.000000Z on\n")
            #expect(
                try laboratory.count(
                    """
                    select count(*) from review.policies
                    where valid_from = '2999-01-01 00:00:00+01' and lease_minutes = 90
                    """) == 1)
        }
    }

    @Test func `an auditor to whom the key is disclosed finds a draw that was changed`() async throws {
        try await Laboratory.with { laboratory in
            let key = try ReviewKey.random()
            let file = try laboratory.keyFile(key)
            defer { unlink(file) }
            try laboratory.setPolicy(
                #"[{"reason": "positive", "top_per_slide": 2, "rate": 0.5}, {"reason": "audit", "rate": 0.5, "second_read_rate": 0.5}]"#,
                key: key)
            let early = try laboratory.start("audit", "draws", "--key-file", file)
            #expect(try early.waitForEnd() == .exit(0))
            try laboratory.publish(try TestPatches.jobs(200))
            try laboratory.drain(environment: ["SENTINODE_REVIEW_KEY_FILE": file])
            let whole = try laboratory.start("audit", "draws", "--key-file", file)
            #expect(try whole.waitForEnd() == .exit(0))
            #expect(try whole.output().contains("200 predictions"))

            let job = try laboratory.database.query(
                "select job_id from sentinode.predictions where second_read_probability = 0.5 order by job_id limit 1"
            ).onlyRow().uuid("job_id")
            try laboratory.database.run(
                script: "set role sentinode_owner; alter table sentinode.predictions disable trigger user; reset role")
            try laboratory.database.query(
                "update sentinode.predictions set reads_wanted = 3 - reads_wanted where job_id = $1", [.uuid(job)])
            let changed = try laboratory.start("audit", "draws", "--key-file", file)
            #expect(try changed.waitForEnd() == .exit(1))
            #expect(try changed.output().contains("1 of 200"))
            #expect(try changed.output().contains("\(job.uuidString.lowercased()): reads_wanted is"))
        }
    }

    @Test func `an erasure makes no draw wrong, and what it made unprovable is counted`() async throws {
        try await Laboratory.with { laboratory in
            let key = try ReviewKey.random()
            let file = try laboratory.keyFile(key)
            defer { unlink(file) }
            try laboratory.setPolicy(#"[{"reason": "positive", "top_per_slide": 2, "rate": 0.5}]"#, key: key)
            try laboratory.publish(
                try (0..<60).map {
                    TestPatches.message(
                        try TestPatches.png($0), id: "patch-\($0)", headers: [Field("slide_id", .text("S-1"))])
                })
            try laboratory.drain(environment: ["SENTINODE_REVIEW_KEY_FILE": file])
            let certain = try laboratory.count(
                "select count(*) from sentinode.predictions where positive_probability = 1")
            try #require(certain > 0)
            try laboratory.database.run(script: "select review.erase_slide('S-1', 'a test')")
            let audit = try laboratory.start("audit", "draws", "--key-file", file)
            #expect(try audit.waitForEnd() == .exit(0))
            #expect(try audit.output().hasPrefix("\(certain) erased predictions were selected for certain"))
        }
    }

    @Test func `draws cannot be checked with a key that no policy was set with`() async throws {
        try await Laboratory.with { laboratory in
            let file = try laboratory.keyFile(try ReviewKey.random())
            defer { unlink(file) }
            let audit = try laboratory.start("audit", "draws", "--key-file", file)
            #expect(try audit.waitForEnd() == .exit(1))
            #expect(try audit.log().contains("no review policy was set with this key"))
        }
    }
}

/// Called when a test is over.
private func remove(_ folder: URL) {
    do {
        try FileManager.default.removeItem(at: folder)
    } catch {
        Issue.record(error)
    }
}
