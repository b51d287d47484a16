import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// A reader of one site meets nothing of another, in no view and no function.
@Suite(.needsStack) struct SiteTests {
    /// Numbers 1 to 3 stand at north, 11 to 13 at south, 21 to 23 at no site; of each group one is labelled.
    private func fill(_ room: ReviewRoom) throws {
        try room.setPolicy(#"[{"reason": "positive", "rate": 1}, {"reason": "audit", "rate": 0.25}]"#)
        let sites: [(Int, String?, String)] = [(1, "north", "N"), (11, "south", "S"), (21, nil, "X")]
        try room.store(
            sites.flatMap { first, site, slide in
                (0..<3).map {
                    MadePrediction(
                        number: first + $0, p: 0.9, site: site, slide: slide, x: $0, caseName: "case-\(slide)",
                        positive: true, audit: $0 == 1)
                }
            })
        let everywhere = try room.makeReader("Dr. Everywhere")
        for (first, _, _) in sites {
            try everywhere.run("select review.confirm('\(MadePrediction.id(first))', 'normal', reason => 'a test')")
        }
    }

    /// Everything of the row as text.
    private static func query(_ relation: String) -> String { "select row::text from \(relation) as row" }

    @Test func `each view shows a reader the rows of the granted sites, and what has no site to the grant of all`()
        async throws
    {
        try await ReviewRoom.with { room in
            try fill(room)
            let north = try room.makeReader("Dr. North", sites: ["north"])
            let everywhere = try room.makeReader("Dr. Elsewhere", sites: ["*"])
            try north.run("select review.confirm('\(MadePrediction.id(2))', 'normal', reason => 'mine')")
            let views = try room.operatorSession.column(
                """
                select oid::regclass from pg_class
                where relkind = 'v' and relnamespace = 'review'::regnamespace
                    and has_table_privilege('\(north.login)', oid, 'select') order by 1
                """
            ).compactMap { $0 }
            try #require(views.count >= 11)
            for view in views {
                let seen = try north.column(SiteTests.query(view)).compactMap { $0 }
                for foreign in [11, 12, 13, 21, 22, 23].map(MadePrediction.id) + [
                    "south", "(none)", "case-S", "case-X",
                ] {
                    #expect(!seen.contains { $0.contains(foreign) }, "\(view) shows \(foreign)")
                }
            }
            for (view, mine, all) in [
                ("predictions", "3", "9"), ("worklist", "2", "6"), ("label_history", "2", "4"),
                ("final_labels", "2", "4"),
                ("current_labels", "2", "4"), ("disagreements", "2", "4"), ("overrules", "1", "3"),
                ("my_labels", "1", "0"),
            ] {
                #expect(try north.value("select count(*) from review.\(view)") == mine, "\(view)")
                #expect(try everywhere.value("select count(*) from review.\(view)") == all, "\(view)")
            }
            #expect(try north.value("select sum(n) from review.agreement where first <> 'all'") == "1")
        }
    }

    @Test func `each function refuses a job of another site as it refuses one that does not exist`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let north = try room.makeReader("Dr. North", sites: ["north"])
            for job in [MadePrediction.id(11), MadePrediction.id(12), MadePrediction.id(22), MadePrediction.id(99)] {
                for call in [
                    "review.confirm('\(job)', 'tumor')",
                    "review.confirm_many(array['\(MadePrediction.id(3))', '\(job)']::uuid[], 'tumor')",
                    "review.reveal('\(job)')", "review.image('\(job)')", "review.timeline('\(job)')",
                ] {
                    try expectRefusal("SN002", "no job \(job) at your sites (north)", north, "select \(call)")
                }
                let label = try room.operatorSession.column(
                    "select label_id from review.labels where job_id = '\(job)'")
                for id in label.compactMap({ $0 }) {
                    try expectRefusal("SN008", "no label", north, "select review.amend('\(id)', 'tumor', 'x')")
                    try expectRefusal("SN008", "no label", north, "select review.withdraw('\(id)', 'x')")
                }
            }
            #expect(try north.value("select count(*) from review.slide('S')") == "0")
            #expect(try north.value("select count(*) from review.export_csv()") == "3")
            #expect(
                try north.value("select review.export_geojson('S')")
                    == #"{"type" : "FeatureCollection", "features" : []}"#)
            for stream in ["null", "'clinical'", "'audit'"] {
                let upcoming = try north.column("select job_id from review.upcoming(100, \(stream))").compactMap { $0 }
                #expect(Set(upcoming).isSubset(of: [2, 3].map(MadePrediction.id)))
            }
            #expect(try north.column("select job_id from review.claim(100, site => 'south')") == [])
            #expect(
                Set(try north.column("select job_id from review.claim(100)")) == Set([2, 3].map(MadePrediction.id)))
            #expect(try north.value("select review.release(array['\(MadePrediction.id(13))']::uuid[])") == "0")
        }
    }

    @Test func `a reader whose login sees every site for another reason claims and labels at the granted ones`()
        async throws
    {
        try await ReviewRoom.with { room in
            try fill(room)
            let north = try room.makeReader("Dr. North", sites: ["north"])
            try room.operatorSession.run("grant sentinode_auditor to \(north.login)")
            #expect(try north.value("select count(*) from review.predictions") == "9")
            for job in [12, 22].map(MadePrediction.id) {
                try expectRefusal("SN002", "at your sites (north)", north, "select review.confirm('\(job)', 'tumor')")
            }
            for function in ["upcoming", "claim"] {
                let served = try north.column("select job_id from review.\(function)(100)")
                #expect(Set(served) == Set([2, 3].map(MadePrediction.id)), "\(function)")
            }
        }
    }

    @Test func `a grant that ends takes the site out of sight, and the labels given there stay`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let reader = try room.makeReader("Dr. Two", sites: ["north", "south"])
            try reader.run("select review.confirm('\(MadePrediction.id(12))', 'tumor')")
            let label = try #require(try reader.value("select label_id from review.my_labels"))
            try room.administrator().run(
                "select review.add_reader('\(reader.login)', 'Dr. Two', 'B', array['north'], reason => 'moved')")
            #expect(try reader.value("select count(*) from review.my_labels") == "0")
            #expect(try reader.value("select count(*) from review.predictions") == "3")
            try expectRefusal("SN008", "no label", reader, "select review.withdraw('\(label)', 'x')")
            #expect(
                try room.operatorSession.value("select count(*) from review.labels where label_id = '\(label)'") == "1")
        }
    }
}
