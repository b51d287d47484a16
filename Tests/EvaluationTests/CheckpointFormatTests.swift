import AuditTrail
import Foundation
import Testing

@testable import Evaluation

/// The contract's vectors, which an independent program made from its text.
private struct Vectors: Decodable {
    struct Made: Decodable {
        let document: String
        let digest: String
        let signature: String
        let heads: [String]
        let file: String
    }

    let public_keys: [String]
    let checkpoints: [Made]
}

@Suite struct `Checkpoints as texts` {
    private let vectors: Vectors

    init() throws {
        let data = try Data(contentsOf: contractsFolder.appending(path: "checkpoint-vectors.json"))
        vectors = try JSONDecoder().decode(Vectors.self, from: data)
    }

    /// Runs with the text in a file.
    private func reading<Value>(_ text: String, _ body: (String) throws -> Value) throws -> Value {
        let file = FileManager.default.temporaryDirectory.appending(path: randomName())
        try Data(text.utf8).write(to: file)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: file) } }
        return try body(file.path)
    }

    @Test func `the contract's checkpoints are read, verified and written as they were`() throws {
        #expect(vectors.checkpoints.count == 4)
        for vector in vectors.checkpoints {
            let checkpoint = try reading(vector.file) { try CheckpointFile.last(of: $0) }
            #expect(checkpoint.text == vector.file)
            #expect(checkpoint.document.text == vector.document)
            #expect(hexadecimal(try checkpoint.document.digest()) == vector.digest)
            #expect(checkpoint.isSigned)
            #expect(try checkpoint.matchesHeads())
            #expect(checkpoint.heads?.map { hexadecimal($0.packed) } == vector.heads)
            #expect(SignedHead.all(packed: checkpoint.heads?.flatMap(\.packed) ?? []) == checkpoint.heads)
        }
    }

    @Test func `a change anywhere in a document breaks its signature or its form`() throws {
        let whole = try #require(vectors.checkpoints.last)
        let signature = try #require(bytes(hexadecimal: whole.signature))
        for position in whole.document.indices where whole.document[position] != "\n" {
            var changed = whole.document
            changed.replaceSubrange(position...position, with: whole.document[position] == "1" ? "2" : "1")
            guard changed != whole.document else { continue }
            do {
                let document = try CheckpointDocument(parsing: changed)
                #expect(!Checkpoint(document: document, signature: signature, heads: nil).isSigned, "\(changed)")
            } catch {
                continue
            }
        }
    }

    @Test(arguments: [
        ("number 2", "number 02"), ("chains 3", "chains +3"), ("previous 4f", "previous 4F"), ("seals 10\n", ""),
        ("heads 3\n", "heads 3\nheads 3\n"), (".461767Z", ".461767+00:00"), ("number 2", "number 9223372036854775807"),
    ])
    func `a document in another form than the right one is refused`(from: String, to: String) throws {
        let changed = vectors.checkpoints[1].document.replacing(from, with: to)
        try #require(changed != vectors.checkpoints[1].document)
        #expect(throws: OperationError.self) { try CheckpointDocument(parsing: changed) }
    }

    @Test func `a file of several is read whole, and without heads too`() throws {
        let text = vectors.checkpoints.map(\.file).joined()
        let all = try reading(text) { try CheckpointFile.read($0) }
        #expect(all.map(\.text).joined() == text)
        let bare = text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("head ") }
        let withoutHeads = try reading(bare.joined(separator: "\n")) { try CheckpointFile.read($0) }
        #expect(withoutHeads.map(\.document) == all.map(\.document))
        #expect(withoutHeads.map { $0.heads == nil } == [false, true, true, true])
    }

    @Test func `what a crash cut off at the end of a file is removed before more is added, and nothing else`() throws {
        let (first, second) = (vectors.checkpoints[0].file, vectors.checkpoints[1].file)
        for length in stride(from: 1, to: second.utf8.count, by: 9) {
            try reading(first + second.prefix(length)) { (path: String) throws in
                // A cut inside of the first line looks like a part of the checkpoint before, which the database has too.
                let isFirstLine = length < CheckpointDocument.format.count
                let last = try CheckpointFile.lastWhole(of: path)
                #expect(last?.document.number == (isFirstLine ? nil : 1), "\(length)")
                #expect(try String(contentsOfFile: path, encoding: .utf8) == (isFirstLine ? "" : first))
            }
        }
        try reading(first + second) { (path: String) throws in
            #expect(try CheckpointFile.lastWhole(of: path)?.document.number == 2)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == first + second)
        }
    }

    @Test func `a file that holds something else is left alone`() throws {
        try reading("my notes\n") { (path: String) throws in
            #expect(throws: OperationError.self) { try CheckpointFile.lastWhole(of: path) }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "my notes\n")
        }
    }
}
