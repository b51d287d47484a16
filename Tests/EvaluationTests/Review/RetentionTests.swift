import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Patches are kept so that people can look at what the model saw, and no longer.
@Suite(.needsStack) struct RetentionTests {
    /// The bytes that `test.predict` takes for the patch of the number.
    private func keep(_ numbers: ClosedRange<Int>, until end: String, _ room: ReviewRoom) throws {
        try room.asOwner(
            """
            insert into sentinode.patch_images (image_sha256, png, keep_until)
            select sha256(bytes), bytes, \(end)
            from (select convert_to('patch ' || n, 'UTF8') as bytes
                  from generate_series(\(numbers.lowerBound), \(numbers.upperBound)) as n) as patches
            """)
    }

    @Test func `a reader looks at the patch as it came, where it is kept`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.5), MadePrediction(number: 2, p: 0.5)])
            try keep(1...1, until: "now() + interval '1 day'", room)
            let reader = try room.makeReader()
            let png = try reader.value("select convert_from(review.image('\(MadePrediction.id(1))'), 'UTF8')")
            #expect(png == "patch 1")
            try expectRefusal("SN003", "is not kept", reader, "select review.image('\(MadePrediction.id(2))')")
            #expect(try reader.column("select has_image from review.worklist order by job_id") == ["t", "f"])
        }
    }

    @Test func `patches whose time is over are pruned, so many at once, and the hashes stay`() async throws {
        try await ReviewRoom.with { room in
            try room.store((1...8).map { MadePrediction(number: $0, p: 0.5) })
            try keep(1...5, until: "now() - interval '1 second'", room)
            try keep(6...8, until: "now() + interval '1 hour'", room)
            let administrator = try room.administrator()
            #expect(try administrator.value("select review.prune_images(2)") == "2")
            #expect(try administrator.value("select review.prune_images(-1)") == "0")
            #expect(try administrator.value("select review.prune_images()") == "3")
            #expect(try administrator.value("select review.prune_images()") == "0")
            #expect(try room.operatorSession.value("select count(*) from sentinode.patch_images") == "3")
            #expect(try administrator.value("select count(image_sha256) from review.predictions") == "8")
            let events = try room.operatorSession.rows(
                """
                select detail ->> 'images', detail ->> 'bytes' from audit.events where action = 'images.pruned'
                order by occurred_at
                """)
            #expect(events == [["2", "14"], ["3", "21"]])
            #expect(try room.auditProblems() == [])
        }
    }
}
