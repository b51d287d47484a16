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

    @Test(arguments: [",", ";", "\t"])
    func `is separated by what separates the names of its header`(separator: String) throws {
        let lines = [["path", "\"a,b;c\td\"", "mpp"], ["\"a;b.png\"", "\"x,y\"", "0"], ["", "", ""]]
        let text = "\u{feff}" + lines.map { $0.joined(separator: separator) }.joined(separator: "\r\n")
        let table = try CSVTable(text)
        #expect(table.header == ["path", "a,b;c\td", "mpp"])
        #expect(table.rows.map(\.fields) == [["a;b.png", "x,y", "0"], ["", "", ""]])
    }

    @Test func `holds the marks that separate nothing in it as part of a field`() throws {
        #expect(try CSVTable("a;b\n0,25;1\n").rows.map(\.fields) == [["0,25", "1"]])
        #expect(try CSVTable("a\n1.5\t;\n").rows.map(\.fields) == [["1.5\t;"]])
    }

    @Test(arguments: ["plain", "a,b", "a \"quote\"", "two\nlines", "two\r\nlines", "a\rb", "a\"\u{301}b"])
    func `is read back as it was written`(field: String) throws {
        #expect(try CSVTable("name\r\n\(CSVTable.quoted(field))\r\n").rows.map(\.fields) == [[field]])
    }

    @Test(arguments: [
        ("a,b;c\n1,2\n", "a comma and a semicolon outside of quotes"), ("a;b\n1,2\n", "line 2 has 1 fields: 2"),
        ("a;b\n\"1\"x;2\n", "line 2: a semicolon or the end"),
        ("", "line 1"), ("a,b\n1\n", "line 2 has 1 fields: 2"), ("a,b\n1,2\n1,2,3\n", "line 3 has 3 fields"),
        ("a\n\"open\n\nmore\n", "line 2: a quote is never closed"), ("a\n\"x\"y\n", "line 2: a comma"),
    ])
    func `that is none is refused with its line`(text: String, words: String) {
        let error = #expect(throws: OperationError.self) { try CSVTable(text) }
        #expect(error?.description.contains(words) == true)
    }
}

@Suite struct `Patches that a person names` {
    @Test func `are files as named, and the PNG files of folders in the order of their paths`() throws {
        try withFolder(["b.png": "", "sub/a.PNG": "", "a.png": "", "notes.txt": ""]) { folder in
            let found = PatchFiles([folder + "/notes.txt", folder])
            #expect(found.files == ["/notes.txt", "/a.png", "/b.png", "/sub/a.PNG"].map { folder + $0 })
            #expect(found.problems.isEmpty)
        }
    }

    @Test func `are not in a folder of JPEG files, which is said with what is there`() throws {
        try withFolder(["1.jpg": "", "2.jpg": "", "labels.csv": ""]) { folder in
            let sentence = try #require(PatchFiles([folder]).problems.first).sentence
            #expect(sentence.contains("it holds .csv, .jpg") && sentence.contains("96x96 PNG"))
        }
        try withFolder([:]) { folder in
            #expect(PatchFiles([folder]).problems.first?.sentence.contains("it is empty") == true)
        }
    }

    @Test func `and that do not exist are told, and the others are taken`() throws {
        try withFolder(["a.png": ""]) { folder in
            let found = PatchFiles([folder + "/nope.png", folder + "/a.png", folder + "/a.png/b"])
            #expect(found.files == [folder + "/a.png"])
            #expect(
                found.problems
                    == ["/nope.png", "/a.png/b"].map { .init(path: folder + $0, sentence: "does not exist") })
        }
    }

    @Test func `are found through links, and a link that leads back ends nothing`() throws {
        try withFolder(["real/a.png": "", "real/below/b.png": "", "other/c.png": ""]) { folder in
            let files = FileManager.default
            try files.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/real")
            try files.createSymbolicLink(atPath: folder + "/real/out", withDestinationPath: folder + "/other")
            try files.createSymbolicLink(atPath: folder + "/real/below/back", withDestinationPath: folder + "/real")
            let found = PatchFiles([folder + "/link"])
            #expect(found.files == ["/a.png", "/below/b.png", "/out/c.png"].map { folder + "/link" + $0 })
            #expect(found.problems.isEmpty)
            try files.createSymbolicLink(atPath: folder + "/circle", withDestinationPath: folder + "/circle")
            #expect(
                PatchFiles([folder + "/circle"]).problems
                    == [.init(path: folder + "/circle", sentence: "is a link that leads back to itself")])
        }
    }
}

@Suite struct `A manifest` {
    private func patches(_ csv: String, common: [Field] = []) throws -> [PatchFile] {
        var patches: [PatchFile] = []
        try withFolder(["m.csv": csv]) { patches = try PatchManifest($0 + "/m.csv").patches(common: common) }
        return patches
    }

    @Test func `gives patches the headers of their row, and common ones where the row is silent`() throws {
        let csv = "path,slide_id,x,mpp,site,block\na.png,S-1,960,0.25,,B2\n/abs/b.png,,,,south,\n"
        let common = [Field("site", .text("north")), Field("slide_id", .text("S-0"))]
        let patches = try patches(csv, common: common)
        #expect(patches[0].path.hasSuffix("/a.png") && patches[0].path.hasPrefix("/"))
        #expect(patches[1].path == "/abs/b.png")
        #expect(
            patches[0].headers == [
                Field("slide_id", .text("S-1")), Field("x", .int(960)), Field("mpp", .double(0.25)),
                Field("block", .text("B2")), Field("site", .text("north")),
            ])
        #expect(patches[1].headers == [Field("site", .text("south")), Field("slide_id", .text("S-0"))])
    }

    @Test(arguments: [
        ("slide_id,x\nS,1\n", "has no column path"), ("path,x\na.png,left\n", "line 2: x is left"),
        ("path,mpp\n\na.png,fine\n", "line 3: mpp is fine"), ("path,x\na.png\n", "line 2 has 1 fields"),
        ("path,mpp\na.png,nan\n", "line 2: mpp is nan"), ("path,mpp\na.png,1e999\n", "line 2: mpp is 1e999"),
        ("path,mpp\na.png,0\n", "line 2: mpp is out of range"), ("path,x\na.png,-5\n", "line 2: x is out of range"),
        ("path,sent_at\na.png,yesterday\n", "line 2: sent_at is not RFC 3339"),
        ("path,slide_id\na.png,\(String(repeating: "s", count: 300))\n", "line 2: slide_id has 300 bytes"),
        ("path,slide_id\na.png,S\n,S\n", "line 3: path is empty"), ("path,slide_id\n", "lists no patch"),
        ("path,Slide_ID\na.png,S\n", "'Slide_ID': write it as slide_id"),
        ("Path,x\na.png,1\n", "'Path': write it as path"), ("path, x\na.png,1\n", "' x': write it as x"),
        ("path,slide_id,slide_id\na.png,S,T\n", "two columns slide_id"),
    ])
    func `that is wrong is refused with file and line`(csv: String, words: String) throws {
        let error = #expect(throws: OperationError.self) { try patches(csv) }
        #expect(error?.description.contains("/m.csv") == true)
        #expect(error?.description.contains(words) == true)
    }

    @Test func `may say when a patch was sent, and other columns keep their letters`() throws {
        let patch = try #require(try patches("path,sent_at,Block\na.png,2026-05-04T10:20:30Z,B2\n").first)
        #expect(patch.headers == [Field("sent_at", .text("2026-05-04T10:20:30Z")), Field("Block", .text("B2"))])
    }

    @Test func `that is not there is said to be missing`() {
        let error = #expect(throws: OperationError.self) { try PatchManifest("/nonexistent/m.csv") }
        #expect(error?.description == "/nonexistent/m.csv does not exist")
    }
}

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
