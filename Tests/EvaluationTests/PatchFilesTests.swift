import Foundation
import MessageBroker
import Testing

@testable import Evaluation

@Suite struct `A table as CSV` {
    @Test func `has quoted fields, doubled quotes and line breaks inside them`() throws {
        let table = try CSVTable("path,note\n\"a,b.png\",\"he said \"\"no\"\"\nand left\"\r\nc.png,\n")
        #expect(table.header == ["path", "note"])
        #expect(table.rows.map(\.fields) == [["a,b.png", "he said \"no\"\nand left"], ["c.png", ""]])
        #expect(table.rows.map(\.line) == [2, 4])
    }

    @Test func `may begin with a byte order mark, hold empty lines, and end without a line break`() throws {
        let table = try CSVTable("\u{feff}path,x\r\n\r\na.png,1\n\nb.png,2")
        #expect(table.header == ["path", "x"])
        #expect(table.rows.map(\.fields) == [["a.png", "1"], ["b.png", "2"]])
        #expect(table.rows.map(\.line) == [3, 5])
    }

    @Test(arguments: [
        ("", "line 1"), ("a,b\n1\n", "line 2 has 1 fields: 2"), ("a,b\n1,2\n1,2,3\n", "line 3 has 3 fields"),
        ("a\n\"open\n\nmore\n", "line 2: a quote is never closed"), ("a\n\"x\"y\n", "line 2: a comma"),
    ])
    func `that is none is refused with its line`(text: String, words: String) {
        let error = #expect(throws: OperationError.self) { try CSVTable(text) }
        #expect(error?.description.contains(words) == true)
    }
}

@Suite struct `Patches that a person names` {
    /// Runs `body` with a folder that holds these files, and removes it.
    private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "patches-\(UUID().uuidString)")
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, content) in files {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content.utf8).write(to: file)
        }
        try body(folder.path)
    }

    @Test func `are files as named, and the PNG files of folders in the order of their paths`() throws {
        try withFolder(["b.png": "", "sub/a.PNG": "", "a.png": "", "notes.txt": ""]) { folder in
            let found = try PatchFiles.find([folder + "/notes.txt", folder])
            #expect(found == ["/notes.txt", "/a.png", "/b.png", "/sub/a.PNG"].map { folder + $0 })
        }
    }

    @Test func `are not in a folder of JPEG files, which is said with what is there`() throws {
        try withFolder(["1.jpg": "", "2.jpg": "", "labels.csv": ""]) { folder in
            let error = #expect(throws: OperationError.self) { try PatchFiles.find([folder]) }
            #expect(error?.description.contains("it holds .csv, .jpg") == true)
            #expect(error?.description.contains("96x96 PNG") == true)
        }
        try withFolder([:]) { folder in
            let error = #expect(throws: OperationError.self) { try PatchFiles.find([folder]) }
            #expect(error?.description.contains("it is empty") == true)
        }
        let error = #expect(throws: OperationError.self) { try PatchFiles.find(["/nonexistent/patches"]) }
        #expect(error?.description == "/nonexistent/patches does not exist")
    }

    @Test func `in a manifest have the headers of their row, and common ones where the row is silent`() throws {
        let csv = "path,slide_id,x,mpp,site,block\na.png,S-1,960,0.25,,B2\n/abs/b.png,,,,south,\n"
        try withFolder(["m.csv": csv]) { folder in
            let common = [Field("site", .text("north")), Field("slide_id", .text("S-0"))]
            let patches = try PatchFiles.manifest(folder + "/m.csv", common: common)
            #expect(patches.map(\.path) == [folder + "/a.png", "/abs/b.png"])
            #expect(
                patches[0].headers == [
                    Field("slide_id", .text("S-1")), Field("x", .int(960)), Field("mpp", .double(0.25)),
                    Field("block", .text("B2")), Field("site", .text("north")),
                ])
            #expect(patches[1].headers == [Field("site", .text("south")), Field("slide_id", .text("S-0"))])
        }
    }

    @Test(arguments: [
        ("slide_id,x\nS,1\n", "has no column path"), ("path,x\na.png,left\n", "line 2: x is left"),
        ("path,mpp\n\na.png,fine\n", "line 3: mpp is fine"), ("path,x\na.png\n", "line 2 has 1 fields"),
    ])
    func `in a manifest that is wrong are refused with file and line`(csv: String, words: String) throws {
        try withFolder(["m.csv": csv]) { folder in
            let error = #expect(throws: OperationError.self) {
                try PatchFiles.manifest(folder + "/m.csv", common: [])
            }
            #expect(error?.description.contains("/m.csv") == true)
            #expect(error?.description.contains(words) == true)
        }
    }
}
