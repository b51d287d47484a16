import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// What verification tells each time, although it is nobody's fault.
@Suite(.needsStack) struct AuditNotesTests {
    @Test func `erasures, acceptances and whoever could do anything are told each time`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.database.run(script: "select * from review.erase_slide('S-17', E'consent was\\nwithdrawn')")
            try laboratory.tamper("grant select on sentinode.predictions to sentinode_reviewer")
            try laboratory.output(of: "migrate", "accept", "--reason", "reports")
            let report = try laboratory.verify()
            #expect(report.isClean, "\(report.findings)")
            let notes = report.notes
            #expect(notes.erasures.newest.map(\.rows) == [1, 1])
            #expect(
                notes.lines.first?.hasSuffix("slide.erased by operator, consent was withdrawn") == true)
            #expect(notes.lines.contains { $0.contains("1 differences: reports") })
            #expect(notes.lines.last?.contains("operator (member of sentinode_owner)") == true)
            #expect(notes.lines.last?.contains("postgres (superuser)") == true)
        }
    }

    @Test func `more erasures than are listed are counted`() async throws {
        try await Laboratory.with { laboratory in
            let slides = Array(0..<Int(AuditNotes.kept) + 2)
            try evaluate(slides.map { ("S-\($0)", "C-\($0)") }, in: laboratory)
            for slide in slides {
                try laboratory.database.run(
                    script: "select * from review.erase_slide('S-\(slide)', 'request \(slide)')")
            }
            let report = try laboratory.verify()
            #expect(report.isClean, "\(report.findings)")
            #expect(report.notes.erasures.newest.count == 20)
            #expect(report.notes.erasures.newest.first?.reason == "request 21")
            #expect(report.notes.lines.contains("22 rows were erased by 22 events in all: the newest 20 are listed"))
        }
    }

    @Test func `of a time or a slide only the erasures that belong to it are told`() async throws {
        try await Laboratory.with { laboratory in
            try evaluate([("S-1", "early"), ("S-1", "stays")], in: laboratory)
            try evaluate([("S-2", "late"), ("S-2", "stays")], in: laboratory)
            try laboratory.database.run(script: "select * from review.erase_case('early', 'first')")
            try laboratory.database.run(script: "select * from review.erase_case('late', 'second')")
            let second = try laboratory.database.query("select occurred_at from audit.events where reason = 'second'")
                .onlyRow().timestamp("occurred_at")
            func reasons(_ scope: AuditScope) throws -> [String?] {
                let report = try laboratory.verify(scope)
                #expect(report.isClean, "\(report.findings)")
                #expect(report.notes.erasures.events == report.notes.erasures.newest.count)
                return report.notes.erasures.newest.map(\.reason)
            }
            #expect(try reasons(.everything) == ["second", "first"])
            #expect(try reasons(.since(second)) == ["second"])
            #expect(try reasons(.slide("S-1")) == ["first"])
            #expect(try reasons(.slide("S-2")) == ["second"])
        }
    }

    @Test func `an erasure whose event is gone is told as well`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.tamper("delete from audit.events where action = 'case.erased'")
            let notes = try laboratory.verify().notes
            #expect(notes.erasures.newest.map(\.rows) == [1])
            #expect(notes.lines.first?.hasPrefix("1 row erased by event ") == true)
            #expect(notes.lines.first?.hasSuffix(", which is not there") == true)
        }
    }

    @Test func `whoever could become a superuser or the owner is named, by whatever way, and no role without a login`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let superuser = try laboratory.connectAsSuperuser()
            defer { superuser.close() }
            let names = ["almighty", "team", "owners", "anna", "otto"].map { "\($0)_\(randomName())" }
            let (almighty, team, owners, anna, otto) = (names[0], names[1], names[2], names[3], names[4])
            // Never committed: roles belong to the whole server, where other laboratories are verified meanwhile.
            try superuser.run(
                script: """
                    begin;
                    create role \(almighty) superuser nologin; create role \(team) nologin in role \(almighty);
                    create role \(anna) login in role \(team);
                    create role \(owners) nologin in role sentinode_owner; create role \(otto) login in role \(owners)
                    """)
            let line = try AuditNotes(.everything, [], superuser).lines.last ?? ""
            try superuser.run(script: "rollback")
            #expect(line.contains("\(anna) (member of \(almighty), a superuser)"), "\(line)")
            #expect(line.contains("\(otto) (member of sentinode_owner)"), "\(line)")
            for role in [almighty, team, owners] { #expect(!line.contains("\(role) ("), "\(line)") }
        }
    }

    /// One patch each of a slide and a case, in one batch.
    private func evaluate(_ patches: [(slide: String, subject: String)], in laboratory: Laboratory) throws {
        try laboratory.publish(
            try patches.map { slide, subject in
                TestPatches.message(
                    try TestPatches.png(1), id: "\(slide) \(subject)",
                    headers: [Field("slide_id", .text(slide)), Field("case_pseudonym", .text(subject))])
            })
        try laboratory.drain()
    }
}
