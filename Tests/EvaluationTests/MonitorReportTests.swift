import Foundation
import Testing

@testable import Evaluation

@Suite(.needsStack) struct MonitorReportTests {
    @Test func `the page needs nothing from elsewhere, and every chart has its numbers`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 6_000, slide: 50) { lab in
            try lab.change("update sentinode.predictions set site = '<script>alert(1)</script>' where site = 'site-1'")
            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(11), "--to", lab.daysAgo(6), "--reason", "validated")
            try lab.run("--report", "report.html")
            let page = try String(contentsOf: lab.laboratory.folder.appending(path: "report.html"), encoding: .utf8)
            for outside in ["http:", "https:", "<script", "<link", "@import", "url("] {
                #expect(!page.contains(outside), "\(outside)")
            }
            #expect(page.contains("site &lt;script&gt;alert(1)&lt;/script&gt;"))
            let charts = page.components(separatedBy: "<svg").count - 1
            #expect(charts >= 7, "\(charts)")
            for section in page.components(separatedBy: "<section").dropFirst() where section.contains("<svg") {
                #expect(section.contains("<table>"), "\(section.prefix(200))")
            }
            #expect(page.contains("<p class=\"verdict calm\">No alert is open."))
        }
    }

    /// A browser reads a quotation mark as one, whatever combines with it.
    @Test func `what senders write cannot leave its place in the page`() {
        let marks = [("\"", "&quot;"), ("<", "&lt;"), (">", "&gt;"), ("&", "&amp;")]
        for (mark, escaped) in marks { #expect((mark + "\u{301}b").escaped == escaped + "\u{301}b") }
    }

    @Test func `JSON says the same for machines`() async throws {
        try await MonitoredLaboratory.with(days: 3, patches: 1_500, slide: 50) { lab in
            let printed = try lab.run("--json")
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(printed.utf8)) as? [String: any Sendable])
            #expect((report["verdict"] as? String)?.contains("no acceptance reference was frozen") == true)
            let chapters = try #require(report["chapters"] as? [String: any Sendable])
            let version = try #require(chapters["Version \(try lab.version)"] as? [String: any Sendable])
            let figures = try #require(version["The last 28 days"] as? [String: any Sendable])
            let rows = try #require(figures["numbers"] as? [[String: String]])
            #expect(rows.first?["figure"] == "recall")
            #expect(rows.first?["corrected"]?.isEmpty == false)
            let all = try #require(report["figures"] as? [[String: any Sendable]])
            let recall = try #require(
                all.first {
                    $0["metric"] as? String == "recall" && $0["method"] as? String == "plain"
                        && $0["segment_kind"] as? String == "overall" && $0["window_kind"] as? String == "now"
                })
            let low = try #require(recall["ci_low"] as? Double)
            let value = try #require(recall["value"] as? Double)
            #expect(low < value)
            #expect(recall["slides"] as? Int != nil && recall["state"] as? String == "shown")
        }
    }

    @Test func `no alert of one version says nothing of another that has no reference`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 3_300, slide: 50) { lab in
            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(11), "--to", lab.daysAgo(6), "--reason", "validated")
            try lab.change(
                "update sentinode.predictions set model_version = 'another' where stored_at >= '\(lab.daysAgo(3))'")
            try lab.run("--report", "report.html")
            let page = try String(contentsOf: lab.laboratory.folder.appending(path: "report.html"), encoding: .utf8)
            #expect(
                page.contains(
                    "<p class=\"verdict unwatched\">No alert is open, but nothing can alarm for another, which has no"),
                "\(page.split(separator: "\n").first { $0.contains("verdict ") && $0.contains("<p") } ?? "")")
        }
    }

    @Test func `power says how many labels it takes, and refuses what cannot be`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let printed = try lab.run("power", "--sensitivity", "0.95", "--drop", "0.05", "--tumor-share", "0.1")
            // (1.645 sqrt(0.95 * 0.05) + 0.842 sqrt(0.9 * 0.1))^2 / 0.05^2 = 149.3 tumours, 1,493 labels, in four weeks.
            #expect(printed.hasPrefix("374 audited labels a week, 150 tumours"), "\(printed)")
            try lab.run("power", "--sensitivity", "0.95", "--drop", "0.96", "--tumor-share", "0.1", expecting: 64)
        }
    }
}
