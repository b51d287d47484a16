import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct PredictionExportTests {
    /// A feature of an export, held to what QuPath's type adapters read: every key of the kind they expect.
    private struct Tile {
        let job: UUID
        let className: String
        let left: Int
        let top: Int

        init(_ feature: Any, measuring: Bool = true) throws {
            let feature = try #require(feature as? [String: Any])
            #expect(Set(feature.keys) == ["type", "id", "geometry", "properties"])
            #expect(feature["type"] as? String == "Feature")
            let id = try #require(feature["id"] as? String)
            #expect(id.wholeMatch(of: #/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/#) != nil)
            job = try #require(UUID(uuidString: id))
            let properties = try #require(feature["properties"] as? [String: Any])
            #expect(Set(properties.keys) == ["objectType", "classification", "measurements", "metadata"])
            #expect(properties["objectType"] as? String == "tile")
            let classification = try #require(properties["classification"] as? [String: Any])
            #expect(Set(classification.keys) == ["name", "color"])
            className = try #require(classification["name"] as? String)
            let color = try #require(classification["color"] as? [Int])
            #expect(color.count == 3 && color.allSatisfy((0...255).contains))
            let measurements = try #require(properties["measurements"] as? [String: Double])
            #expect(measurements.keys.sorted() == ["p_tumor"] && (0...1).contains(measurements["p_tumor"] ?? -1))
            // QuPath keeps metadata that are text.
            #expect(properties["metadata"] is [String: String])
            (left, top) = try Tile.corner(of: try #require(feature["geometry"] as? [String: Any]))
        }

        /// RFC 7946: a closed ring of whole pixels, counterclockwise as mathematics draws it.
        private static func corner(of geometry: [String: Any]) throws -> (left: Int, top: Int) {
            #expect(geometry["type"] as? String == "Polygon")
            let rings = try #require(geometry["coordinates"] as? [[[Int]]])
            try #require(rings.count == 1 && rings[0].count == 5 && rings[0].allSatisfy { $0.count == 2 })
            let ring = rings[0]
            #expect(ring.first == ring.last)
            let area = zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0[0] * $1.1[1] - $1.1[0] * $1.0[1] }
            #expect(area == 2 * 96 * 96)
            return (ring[0][0], ring[0][1])
        }
    }

    private static func tiles(_ file: String) throws -> [Tile] {
        let bytes = try Data(contentsOf: URL(filePath: file))
        let collection = try #require(JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        #expect(Set(collection.keys) == ["type", "features"])
        #expect(collection["type"] as? String == "FeatureCollection")
        return try #require(collection["features"] as? [Any]).map { try Tile($0) }
    }

    @Test func `an export is GeoJSON as QuPath reads it, and imported back it labels the same patches`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 24, uncertain: 0.45..<0.6)
            let file = try laboratory.write("what stood here before", to: "S.geojson")
            let export = try laboratory.runToEnd("export", "--slide", "S", "--format", "geojson", "--out", file)
            #expect(export.end == .exit(0))
            let tiles = try Self.tiles(file)
            #expect(
                tiles.map(\.left) == (0..<24).map { $0 % 6 * 96 } && tiles.map(\.top) == (0..<24).map { $0 / 6 * 96 })
            let rows = try laboratory.database.query("select job_id, decision from sentinode.predictions")
            let decisions = Dictionary(
                uniqueKeysWithValues: try rows.map { (try $0.uuid("job_id"), try $0.text("decision")) })
            #expect(Dictionary(uniqueKeysWithValues: tiles.map { ($0.job, $0.className.lowercased()) }) == decisions)
            try #require(Set(decisions.values).count > 1)

            try laboratory.withReader { reader in
                let back = try laboratory.runToEnd(
                    "labels", "import", file, "--slide", "S", "--reader", reader.login, "--reason", "seen",
                    "--class", "Uncertain=skip")
                #expect(back.end == .exit(0))
                let labels = try laboratory.database.query("select job_id, label from review.labels")
                #expect(
                    Dictionary(uniqueKeysWithValues: try labels.map { (try $0.uuid("job_id"), try $0.text("label")) })
                        == decisions.filter { $0.value != "uncertain" })
            }
        }
    }

    @Test func `overlapping patches keep their own labels through an export and back`() async throws {
        try await Laboratory.with { laboratory in
            // The same place twice: each tile lies on the other's centre.
            try laboratory.evaluateSlide("S", patches: 2)
            try laboratory.publish([
                TestPatches.message(
                    try TestPatches.png(3), id: "over",
                    headers: [
                        .init("slide_id", .text("S")), .init("x", .int(8)), .init("y", .int(0)),
                    ])
            ])
            try laboratory.drain()
            let file = try laboratory.write("", to: "S.geojson")
            #expect(
                try laboratory.runToEnd("export", "--slide", "S", "--format", "geojson", "--out", file).end == .exit(0)
            )
            var text = try String(contentsOfFile: file, encoding: .utf8).replacing(
                #""name":"Tumor""#, with: #""name":"Normal""#)
            let over = try #require(text.firstRange(of: try TestPatches.jobID("over").uuidString.lowercased()))
            let name = try #require(text[over.upperBound...].firstRange(of: #""name":"Normal""#))
            text.replaceSubrange(name, with: #""name":"Tumor""#)
            file.withCString { _ = unlink($0) }
            let edited = try laboratory.write(text, to: "edited.geojson")
            try laboratory.withReader { reader in
                let back = try laboratory.runToEnd(
                    "labels", "import", edited, "--slide", "S", "--reader", reader.login, "--reason", "seen")
                #expect(back.end == .exit(0), "\(back.log)")
                let tumors = try laboratory.database.query(
                    "select message_id from review.labels join sentinode.predictions using (job_id) where label = 'tumor'"
                )
                #expect(try tumors.map { try $0.text("message_id") } == ["over"])
            }
        }
    }

    @Test func `CSV holds every row once, quoted so that it is read back the same`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S, \"17\"", patches: 3)
            try laboratory.evaluateSlide("other", patches: 2, site: "south")
            let all = try laboratory.runToEnd("export", "--format", "csv")
            #expect(all.end == .exit(0))
            #expect(all.output.hasPrefix("job_id,slide_id,x,y,") && all.output.hasSuffix("\r\n"))
            let table = try CSVTable(all.output)
            #expect(table.rows.count == 5)
            let slide = try #require(table.header.firstIndex(of: "slide_id"))
            #expect(table.rows.map { $0.fields[slide] } == ["S, \"17\"", "S, \"17\"", "S, \"17\"", "other", "other"])
            let score = try #require(table.header.firstIndex(of: "p_tumor"))
            let stored = try laboratory.database.query(
                "select p_tumor from sentinode.predictions order by slide_id, y, x")
            #expect(try table.rows.map { Float($0.fields[score]) } == stored.map { try $0.float4("p_tumor") })
            #expect(
                try CSVTable(laboratory.runToEnd("export", "--format", "csv", "--site", "south").output).rows.count
                    == 2)
            let future = try laboratory.runToEnd("export", "--format", "csv", "--since", "2999-01-01")
            #expect(try CSVTable(future.output).rows.isEmpty)
        }
    }

    @Test func `an export that fails leaves the file as it was`() async throws {
        try await Laboratory.with { laboratory in
            let file = try laboratory.write("before", to: "S.geojson")
            for format in ["geojson", "csv"] {
                let failed = try laboratory.runToEnd("export", "--slide", "none", "--format", format, "--out", file)
                #expect(failed.end == .exit(1))
                #expect(failed.log.contains("on this slide that you may read"))
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "before")
            }
            let folder = URL(filePath: file).deletingLastPathComponent().path
            #expect(try !FileManager.default.contentsOfDirectory(atPath: folder).contains { $0.contains(".partial-") })
        }
    }

    @Test func `CSV of an unknown slide is refused as GeoJSON is, and of a known one without news is empty`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 1)
            let unknown = try laboratory.runToEnd("export", "--format", "csv", "--slide", "NOPE")
            #expect(unknown.end == .exit(1) && unknown.output == "")
            #expect(unknown.log == "sentinode: there is no patch on this slide that you may read\n")
            let quiet = try laboratory.runToEnd("export", "--format", "csv", "--slide", "S", "--since", "2999-01-01")
            #expect(quiet.end == .exit(0))
            #expect(try CSVTable(quiet.output).rows.isEmpty)
        }
    }

    @Test func `a reader exports the sites granted to the login and no others`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 2)
            try laboratory.evaluateSlide("T", patches: 1, site: "south")
            try laboratory.withReader(sites: ["south"]) { reader in
                let export = try laboratory.runToEnd(
                    "export", "--format", "csv", environment: ["SENTINODE_DATABASE_URL": reader.url])
                #expect(export.end == .exit(0), "\(export.log)")
                #expect(try CSVTable(export.output).rows.map { $0.fields[1] } == ["T"])
            }
        }
    }
}
