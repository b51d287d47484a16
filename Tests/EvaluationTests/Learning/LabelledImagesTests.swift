import Foundation
import PatchClassifier
import Testing
import Training

@testable import Evaluation

@Suite struct LabelledImagesTests {
    @Test func `a list gives labels, slides and sites, with patches in the folder of its name`() throws {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<4, to: "train")
            let list = try folder.list(
                "train.csv", "id,label,slide_id,site", "0,0,s1,north", "1,1,s1,", "2,tumor,s2,south", "3,Normal,,")
            let read = try LabelledImages(list, side: 96)
            #expect(read.problems.isEmpty)
            #expect(read.samples.map(\.isTumor) == [false, true, true, false])
            #expect(read.patches.map(\.slide) == ["s1", "s1", "s2", nil])
            #expect(read.patches.map(\.source.site) == ["north", nil, "south", nil])
            #expect(
                try read.samples.map(\.patch)
                    == (0..<4).map { try Patch(png: TestPatches.png($0), width: 96, height: 96) })
        }
    }

    @Test(arguments: [("normal", "tumor"), ("0", "1"), ("Benign", "Metastasis")])
    func `folders of classes are labels`(normal: String, tumor: String) throws {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<2, to: "all/" + normal)
            try folder.write(patches: 2..<5, to: "all/" + tumor)
            let read = try LabelledImages(folder.path + "/all", side: 96)
            #expect(read.samples.map(\.isTumor) == [false, false, true, true, true])
        }
    }

    @Test(arguments: [
        (["id,name", "0,1"], "no columns id and label"),
        (["id,label", "0,2"], "line 2: label is '2'"),
        (["id,label", "0,1", "0,1"], "line 3: 0 stands on line 2 already"),
        (["id,label", ",1"], "line 2: id is empty"),
        (["id,label", "0"], "line 2 has 1 fields: 2 are expected"),
        (["id,label"], "lists no patch"),
    ])
    func `a list that is wrong is refused with its line`(lines: [String], expected: String) throws {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<1, to: ".")
            let list = try folder.list("list.csv", lines: lines)
            let error = #expect(throws: OperationError.self) { try LabelledImages(list, side: 96) }
            #expect(error?.description.contains(expected) == true, "\(error as Any)")
        }
    }

    @Test func `a folder without classes says what is expected`() throws {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<2, to: "patches")
            let error = #expect(throws: OperationError.self) { try LabelledImages(folder.path + "/patches", side: 96) }
            #expect(error?.description.contains("one named normal (or 0) and one named tumor (or 1)") == true)
            #expect(throws: OperationError.self) { try LabelledImages(folder.path + "/nowhere", side: 96) }
        }
    }

    @Test func `files that are no patches are told, each with its reason, and the rest is read`() throws {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<2, to: "train")
            try Data("no picture".utf8).write(to: URL(filePath: folder.path + "/train/2.png"))
            let list = try folder.list("train.csv", "id,label", "0,0", "1,1", "2,1", "3,0")
            let read = try LabelledImages(list, side: 96)
            #expect(read.samples.map(\.id) == ["0", "1"])
            #expect(read.problems.map { URL(filePath: $0.path).lastPathComponent } == ["2.png", "3.png"])
            #expect(read.problems.last?.sentence == "the file cannot be read")
        }
    }

    @Test func `one picture with two labels is refused, and with one label twice taken`() throws {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<2, to: "train")
            try TestPatches.png(0).write(to: folder.path + "/train/twin.png")
            let same = try folder.list("train.csv", "id,label", "0,0", "1,1", "twin,0")
            #expect(try LabelledImages(same, side: 96).patches.count == 3)
            let other = try folder.list("train.csv", "id,label", "0,0", "1,1", "twin,1")
            let error = #expect(throws: OperationError.self) { try LabelledImages(other, side: 96) }
            #expect(error?.description.contains("0 and twin are the same picture") == true)
        }
    }
}

/// Lists and patches for a test, in a folder that goes with it.
struct LabelledFolder {
    let path: String

    static func with(_ body: (LabelledFolder) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "labelled-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: url) } }
        try body(LabelledFolder(path: url.path))
    }

    /// As `<number>.png`.
    func write(patches numbers: Range<Int>, to folder: String) throws {
        let target = URL(filePath: path).appending(path: folder)
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
        for number in numbers { try TestPatches.png(number).write(to: target.path + "/\(number).png") }
    }

    func list(_ name: String, _ lines: String...) throws -> String { try list(name, lines: lines) }

    func list(_ name: String, lines: [String]) throws -> String {
        let file = path + "/" + name
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
        return file
    }
}

extension [UInt8] {
    fileprivate func write(to path: String) throws { try Data(self).write(to: URL(filePath: path)) }
}
