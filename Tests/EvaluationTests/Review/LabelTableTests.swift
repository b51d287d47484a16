import Testing

@testable import Evaluation

@Suite struct LabelTableTests {
    private static let job = "4d0f6f2e-7c1b-4a52-9c36-0e9b1f0a7d11"

    private static func complaint(_ text: String, _ names: LabelNames = LabelNames()) -> String {
        do throws(OperationError) {
            _ = try LabelTable(text, names: names)
            return "nothing"
        } catch {
            return error.description
        }
    }

    @Test func `jobs and places are read, whatever the order of the columns`() throws {
        let jobs = try LabelTable("label,job_id\nTumor,\(Self.job)\n", names: LabelNames()).rows
        #expect(jobs.map(\.label) == [.tumor])
        let places = try LabelTable("slide_id,x,label,y\n\"S,1\",96,normal,0\n", names: LabelNames()).rows
        #expect(places.map(\.patch) == [.place(slide: "S,1", x: 96, y: 0)])
        #expect(places.map(\.line) == [2])
    }

    @Test func `a table that a spreadsheet wrote with semicolons or tabs is read alike`() throws {
        for separator in [";", "\t"] {
            let text = "\u{feff}" + "slide_id,x,y,label\r\nS,96,0,tumor\r\n".replacing(",", with: separator)
            let rows = try LabelTable(text, names: LabelNames()).rows
            #expect(rows.map(\.patch) == [.place(slide: "S", x: 96, y: 0)] && rows.map(\.label) == [.tumor])
        }
    }

    @Test func `other names mean what they are said to mean, or are skipped`() throws {
        let names = LabelNames(["1": .label(.tumor), "0": .label(.normal), "?": .skip])
        let table = try LabelTable("slide_id,x,y,label\nS,0,0,1\nS,1,0,0\nS,2,0,?\n", names: names)
        #expect(table.rows.map(\.label) == [.tumor, .normal])
    }

    @Test func `a patch that is named twice counts once, and may not be contradicted`() throws {
        let header = "slide_id,x,y,label\nS,0,0,tumor\n"
        #expect(try LabelTable(header + "S,0,0,tumor\n", names: LabelNames()).rows.count == 1)
        #expect(
            Self.complaint(header + "S,0,0,normal\n") == "line 3, column label: line 2 says tumor of the same patch")
    }

    @Test func `what cannot be meant is refused with its line and column`() {
        let complaints = [
            "job_id,label\n\(Self.job),maybe\n": "line 2, column label: maybe is no label",
            "job_id,label\n7,tumor\n": "line 2, column job_id",
            "slide_id,x,y,label\nS,0,0,tumor\nS,-1,0,tumor\n": "line 3, column x",
            "slide_id,x,y,label\nS,0,0.5,tumor\n": "line 2, column y",
            "slide_id,x,y,label\n,0,0,tumor\n": "line 2, column slide_id",
            "job_id,label,p_tumor\n": "line 1 has other columns",
            "job_id,job_id,label\n": "line 1 names a column twice",
            "job_id\n": "line 1 has no column label", "": "line 1: a header line is expected",
            "job_id,label\n\(Self.job)\n": "line 2 has 1 fields",
        ]
        for (text, complaint) in complaints { #expect(Self.complaint(text).hasPrefix(complaint), "\(text)") }
    }
}
