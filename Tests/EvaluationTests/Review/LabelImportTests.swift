import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct LabelImportTests {
    /// What is stored of a reader, by message id.
    private static func labels(_ laboratory: Laboratory, of reader: String) throws -> [String: String] {
        let rows = try laboratory.database.query(
            """
            select message_id, label from review.labels join sentinode.predictions using (job_id) where reader = $1
            """, [.text(reader)])
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.text("message_id"), try $0.text("label")) })
    }

    private static func job(_ laboratory: Laboratory, _ messageID: String) throws -> String {
        try TestPatches.jobID(messageID).uuidString.lowercased()
    }

    @Test func `a dry run shows what would be labelled and stores nothing, then it is stored as the reader's word`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 4)
            try laboratory.withReader { reader in
                let file = try laboratory.write(
                    "slide_id,x,y,label\nS,0,0,tumor\nS,96,0,normal\nS,192,0,unassessable\n", to: "labels.csv")
                let arguments = ["labels", "import", file, "--reader", reader.login, "--reason", "study of May"]
                let dry = try laboratory.start(arguments + ["--dry-run"])
                #expect(try dry.waitForEnd() == .exit(0))
                #expect(try dry.output().contains(Self.job(laboratory, "S-1")))
                #expect(try Self.labels(laboratory, of: reader.login).isEmpty)

                let real = try laboratory.start(arguments + ["--confidence", "4"])
                #expect(try real.waitForEnd() == .exit(0))
                #expect(
                    try Self.labels(laboratory, of: reader.login)
                        == ["S-0": "tumor", "S-1": "normal", "S-2": "unassessable"])
                let sealed = try laboratory.count(
                    """
                    select count(*) from review.labels join audit.events using (writer, seal)
                    where action = 'labels.imported' and source = 'import' and confidence = 4
                        and labels.reason = 'study of May' and printed_name = 'Dr. Anna Weber' and recorded_by = actor
                    """)
                #expect(sealed == 3)
            }
        }
    }

    @Test func `what the reader has labelled before is left out, and said where it differs`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 3)
            try laboratory.withReader { reader in
                let first = try laboratory.write(
                    "job_id,label\n\(Self.job(laboratory, "S-0")),tumor\n\(Self.job(laboratory, "S-1")),tumor\n",
                    to: "first.csv")
                let second = try laboratory.write(
                    "slide_id,x,y,label\nS,0,0,tumor\nS,96,0,normal\nS,192,0,normal\n", to: "second.csv")
                let imported = try [first, first, second].map { file in
                    try laboratory.runToEnd("labels", "import", file, "--reader", reader.login, "--reason", "a test")
                }
                #expect(imported.map(\.end) == [.exit(0), .exit(0), .exit(1)])
                #expect(imported[2].log.contains("1 patches were left out"))
                #expect(
                    try Self.labels(laboratory, of: reader.login) == ["S-0": "tumor", "S-1": "tumor", "S-2": "normal"])
            }
        }
    }

    @Test func `a file that cannot be imported in whole changes nothing, and says why`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 2)
            try laboratory.evaluateSlide("T", patches: 1, site: "south")
            try laboratory.withReader(sites: ["north"]) { reader in
                let files = [
                    ("slide_id,x,y,label\nS,0,0,tumor\nS,0,960,tumor\n", "belongs to line 3; --skip-unknown"),
                    ("slide_id,x,y,label\nS,0,0,tumor\nT,0,0,tumor\n", "may not read the site south"),
                    ("slide_id,x,y,label\nS,0,0,tumor\nS,96,0,perhaps\n", "labels.csv, line 3, column label: perhaps"),
                ]
                for (text, complaint) in files {
                    let file = try laboratory.write(text, to: "labels.csv")
                    let refused = try laboratory.runToEnd(
                        "labels", "import", file, "--reader", reader.login, "--reason", "a test")
                    #expect(refused.end == .exit(1))
                    #expect(refused.log.contains(complaint), "\(refused.log)")
                }
                #expect(try Self.labels(laboratory, of: reader.login).isEmpty)
                let file = try laboratory.write(files[0].0, to: "labels.csv")
                let skipping = try laboratory.runToEnd(
                    "labels", "import", file, "--reader", reader.login, "--reason", "a test", "--skip-unknown")
                #expect(skipping.end == .exit(0))
                #expect(try Self.labels(laboratory, of: reader.login) == ["S-0": "tumor"])
            }
        }
    }

    @Test func `when the reader labels one of the patches meanwhile, none is stored`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 5)
            try laboratory.withReader { reader in
                let rows = (0..<5).map { "S,\($0 * 96),0,tumor\n" }.joined()
                let file = try laboratory.write("slide_id,x,y,label\n" + rows, to: "labels.csv")
                let labels = try LabelImport(laboratory.settings, chunk: 2)
                let plan = try labels.plan(
                    file: file, reader: reader.login, slide: nil, names: LabelNames(), patchSide: nil)
                let connection = try reader.connect()
                defer { connection.close() }
                try connection.query(
                    "select review.confirm($1, 'normal', reason => 'seen')", [.uuid(try TestPatches.jobID("S-4"))])
                let error = #expect(throws: DatabaseError.self) {
                    try labels.store(plan, reason: "a test", confidence: nil)
                }
                #expect(error?.sqlstate == "SN005")
                #expect(try Self.labels(laboratory, of: reader.login) == ["S-4": "normal"])
                let again = try labels.plan(
                    file: file, reader: reader.login, slide: nil, names: LabelNames(), patchSide: nil)
                #expect(try labels.store(again, reason: "a test", confidence: nil) == 4)
                #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
            }
        }
    }

    /// A region of QuPath with straight sides.
    private static func region(_ name: String, _ left: Int, _ top: Int, _ right: Int, _ bottom: Int) -> String {
        """
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[\(left), \(top)], [\(right), \(top)],
          [\(right), \(bottom)], [\(left), \(bottom)], [\(left), \(top)]]]},
         "properties": {"objectType": "annotation", "classification": {"name": "\(name)", "color": [1, 2, 3]}}}
        """
    }

    @Test func `points and measuring lines of QuPath are left out, and said with their number and kind`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 2)
            try laboratory.withReader { reader in
                let features = [
                    #"{"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 5]}, "properties": {}}"#,
                    Self.region("Tumor", 0, 0, 96, 96),
                    #"{"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[0, 0], [9, 9]]}}"#,
                    #"{"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[0, 1], [9, 9]]}}"#,
                ]
                let file = try laboratory.write("[\(features.joined(separator: ","))]", to: "S.geojson")
                let arguments = [
                    "labels", "import", file, "--slide", "S", "--reader", reader.login, "--reason", "drawn",
                ]
                for more in [["--dry-run"], []] {
                    let program = try laboratory.start(arguments + more)
                    #expect(try program.waitForEnd() == .exit(0))
                    #expect(
                        try program.output().contains(
                            "features of the file that are no areas, left out: 1 Point, 2 LineString"))
                }
                #expect(try Self.labels(laboratory, of: reader.login) == ["S-0": "tumor"])
            }
        }
    }

    @Test func `regions label the patches whose centres they meet, and tumour wins`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 12)
            try laboratory.withReader { reader in
                let regions = [
                    // The first row: the whole of 0, the left part of the centre of 1, up to the centre of 2.
                    Self.region("Tumor", 0, 0, 140, 96), Self.region("Normal", 130, 0, 230, 96),
                    // Two that cover the centre of 3 together, one that covers part of that of 4, nothing at 5.
                    Self.region("Normal", 300, 0, 336, 96), Self.region("Stroma", 336, 0, 420, 96),
                    // The second row is left to a class that is skipped.
                    Self.region("Region*", 0, 96, 576, 192),
                ]
                let file = try laboratory.write("[\(regions.joined(separator: ","))]", to: "S.geojson")
                let arguments = [
                    "labels", "import", file, "--slide", "S", "--reader", reader.login, "--reason", "drawn",
                ]
                let strict = try laboratory.start(arguments)
                #expect(try strict.waitForEnd() == .exit(1))
                #expect(try strict.log().contains("feature 4 has the class Stroma: say what it means with --class"))
                let mapped = try laboratory.start(arguments + ["--class", "Stroma=normal", "--class", "Region*=skip"])
                #expect(try mapped.waitForEnd() == .exit(0))
                #expect(try mapped.output().contains("7 patches lie in no region, 2 only in part in normal ones"))
                #expect(
                    try Self.labels(laboratory, of: reader.login)
                        == ["S-0": "tumor", "S-1": "tumor", "S-3": "normal"])
            }
        }
    }
}
