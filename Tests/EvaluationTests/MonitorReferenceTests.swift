import Foundation
import Monitoring
import Testing

@testable import Database
@testable import Evaluation

/// What windows are compared with, and what a version declares of its patches.
@Suite(.needsStack) struct MonitorReferenceTests {
    @Test func `what did not change raises nothing, and without a reference nothing is compared`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 6_600, slide: 50) { lab in
            try lab.run()
            #expect(try lab.latest("drift", "", "day").allSatisfy { $0.state == "no local reference" })
            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(11), "--to", lab.daysAgo(4), "--reason", "validated")
            try lab.run()
            let days = try lab.latest("drift", "largest share of its limit", "day").suffix(3)
            #expect(days.count == 3 && days.allSatisfy { $0.value != nil })
            // One day in ninety alarms by chance, so that two of three would be a fault.
            #expect(days.count { $0.state == "alarm" } <= 1, "\(days.map(\.note))")
            #expect(try lab.laboratory.count("select count(*) from monitor.alerts where metric = 'drift'") <= 1)
        }
    }

    @Test func `a reference that somebody changed is compared with no more`() async throws {
        try await MonitoredLaboratory.with(days: 6, patches: 3_000, slide: 50) { lab in
            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(5), "--to", lab.daysAgo(2), "--reason", "validated")
            try lab.change("update monitor.reference_patches set od_mean_red = 0 where number = 7")
            let program = try lab.laboratory.start(
                "monitor", environment: ["SENTINODE_DATABASE_URL": lab.monitor.url])
            #expect(try program.waitForEnd() == .exit(1))
            #expect(try program.log().contains("are not those that were frozen"))
            #expect(try lab.laboratory.count("select count(*) from monitor.runs") == 0)
        }
    }

    @Test func `what the version was developed on is shown until there is a reference, and never alarms`() async throws
    {
        try await MonitoredLaboratory.with(days: 12, patches: 6_600, slide: 50) { lab in
            let file = lab.laboratory.folder.appending(path: "development.json").path
            let program = try lab.laboratory.start(
                "model", "profile", Stack.packageRoot.appending(path: "Tests").path, "--model",
                TemplateDatabase.weights,
                "--description", "none", "--out", file)
            #expect(try program.waitForEnd() == .exit(1), "there is no patch that it could count")
            let patches = lab.laboratory.folder.appending(path: "patches")
            try FileManager.default.createDirectory(at: patches, withIntermediateDirectories: true)
            for seed in 0..<30 {
                try Data(try TestPatches.png(seed)).write(to: patches.appending(path: "\(seed).png"))
            }
            let other = try lab.laboratory.start(
                "model", "profile", patches.path, "--model", TemplateDatabase.weights, "--description",
                "thirty patches",
                "--out", file)
            #expect(try other.waitForEnd() == .exit(0), "\(other.lastWords())")
            let json = try String(contentsOfFile: file, encoding: .utf8)
            try lab.change("update sentinode.model_versions set development_profile = '\(json)'")
            let printed = try lab.run("--report", "r.html")
            #expect(printed.contains("no alert is open"))
            let shown = try lab.latest("od_mean_red", "Kolmogorov-Smirnov", "day")
            #expect(shown.count == 12 && shown.allSatisfy { $0.state == "no local reference" && $0.value ?? 0 > 0.1 })
            let page = try String(contentsOf: lab.laboratory.folder.appending(path: "r.html"), encoding: .utf8)
            #expect(page.contains("Beside the patches it was developed on") && page.contains("thirty patches"))

            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(11), "--to", lab.daysAgo(4), "--reason", "validated")
            try lab.run("--report", "r.html")
            #expect(try lab.latest("od_mean_red", "Kolmogorov-Smirnov", "day").last?.state != "no local reference")
            let later = try String(contentsOf: lab.laboratory.folder.appending(path: "r.html"), encoding: .utf8)
            #expect(!later.contains("thirty patches"))
        }
    }

    @Test func `patches that the version was not made for are counted, by site`() async throws {
        try await MonitoredLaboratory.with(days: 4, patches: 2_000, slide: 50) { lab in
            try lab.run("--windows", "day")
            #expect(
                try lab.latest("outside_scope", "share of patches", "day").allSatisfy { $0.state == "not estimable" })
            // As an import would have declared it, and as if an earlier program had counted the hours.
            try lab.change(
                """
                update sentinode.model_versions set mpp_low = 0.4, mpp_high = 0.6, stains = 'H&E,HES';
                update sentinode.predictions set mpp = 1 where site = 'site-1';
                update sentinode.predictions set stain = null where site = 'site-0' and slide_id like '%0';
                update monitor.hours set layout = 1 where hour >= '\(lab.daysAgo(2))';
                delete from monitor.runs; delete from monitor.measurements
                """)
            try lab.run("--windows", "day", "--report", "r.html")
            let outside = try lab.latest("outside_scope", "share of patches", "day", segment: "site-1")
            #expect(outside.suffix(2).map(\.value) == [1, 1] && outside.first?.value == nil)
            let unknown = try lab.latest("unknown_scope", "share of patches", "day", segment: "site-0").suffix(2)
            #expect(unknown.allSatisfy { 0 < $0.value ?? 0 && $0.value ?? 1 < 1 }, "\(unknown)")
            let page = try String(contentsOf: lab.laboratory.folder.appending(path: "r.html"), encoding: .utf8)
            #expect(page.contains("Input quality") && page.contains("outside scope"))
        }
    }

    @Test func `refuses a reference that is too small, unfinished or of nothing`() async throws {
        try await MonitoredLaboratory.with(days: 3, patches: 1_000, slide: 500) { lab in
            let version = try lab.version
            for (arguments, words) in [
                ("'\(version)', now() - interval '2 days', now() - interval '1 day', 'r'", "too few to compare with"),
                ("'\(version)', now() - interval '2 days', now() + interval '1 day', 'r'", "is not over"),
                ("'\(version)', now(), now() - interval '1 day', 'r'", "a period that ends after it begins"),
                ("'none', now() - interval '2 days', now() - interval '1 day', 'r'", "there is no model version none"),
                ("'\(version)', now() - interval '2 days', now() - interval '1 day', ' '", "needs a reason"),
            ] {
                do {
                    try lab.laboratory.database.run(script: "select monitor.freeze_reference(\(arguments))")
                    Issue.record("\(arguments) was taken")
                } catch let error as DatabaseError {
                    #expect(error.message.contains(words), "\(error.message)")
                }
            }
            #expect(try lab.laboratory.count("select count(*) from monitor.reference_patches") == 0)
        }
    }
}
