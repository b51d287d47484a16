import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ImageRetentionTests {
    /// Keeps patches whose time is over, and one whose time is not.
    private static func keepPatches(_ laboratory: Laboratory, overdue: Int) throws {
        try laboratory.database.query(
            """
            insert into sentinode.patch_images (image_sha256, png, keep_until)
            select sha256(png), png, now() + case when number = 0 then interval '1 day' else interval '-1 day' end
            from generate_series(0, $1::integer) as number
            cross join lateral (select convert_to('patch ' || number, 'UTF8') as png) as made
            """, [.int4(Int32(overdue))])
    }

    private static func kept(_ laboratory: Laboratory) throws -> Int {
        try laboratory.count("select count(*) from sentinode.patch_images")
    }

    @Test func `patches whose time is over are removed, as audited acts, and the others stay`() async throws {
        try await Laboratory.with { laboratory in
            try Self.keepPatches(laboratory, overdue: 2500)
            let run = try laboratory.runToEnd("prune")
            #expect(run.end == .exit(0))
            #expect(run.log.split(separator: "\n").count == 1 && run.log.contains("2500"), "\(run.log)")
            #expect(try Self.kept(laboratory) == 1)
            let acts = try laboratory.database.query(
                "select (detail ->> 'images')::bigint as images from audit.events where action = 'images.pruned'")
            #expect(try acts.map { try $0.int8("images") }.sorted() == [500, 1000, 1000])
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `as a service it survives an outage, and ends at SIGTERM`() async throws {
        try await Laboratory.with { laboratory in
            try Self.keepPatches(laboratory, overdue: 5)
            let server = try laboratory.stack.administrator()
            defer { server.close() }
            try server.run(script: "alter database \(laboratory.databaseName) allow_connections false")
            let service = try laboratory.start("prune", "--every", "1h")
            try wait(for: "a second try") { try service.log().components(separatedBy: "trying again").count > 2 }
            try server.run(script: "alter database \(laboratory.databaseName) allow_connections true")
            try wait(for: "the patches to be removed") { try Self.kept(laboratory) == 1 }
            service.send(SIGTERM)
            #expect(try service.waitForEnd() == .exit(0))
        }
    }
}
