import AuditTrail
import Foundation

/// A text file of checkpoints, one after another, kept outside of the database.
public enum CheckpointFile {
    /// Every checkpoint of a file, in its order.
    public static func read(_ path: String) throws -> [Checkpoint] {
        let blocks = split(try content(path))
        guard !blocks.isEmpty else { throw OperationError("\(path) holds no checkpoint") }
        return try blocks.map { block in
            do {
                return try checkpoint(block.lines)
            } catch {
                throw OperationError("\(path), line \(block.line): \(error)")
            }
        }
    }

    /// The last checkpoint of a file.
    public static func last(of path: String) throws -> Checkpoint {
        let blocks = split(try content(path))
        guard let block = blocks.last else { throw OperationError("\(path) holds no checkpoint") }
        do {
            return try checkpoint(block.lines)
        } catch {
            throw OperationError("\(path), line \(block.line): \(error)")
        }
    }

    private struct Block {
        /// Where it begins, from 1.
        let line: Int
        var lines: [Substring]
    }

    private static func content(_ path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw OperationError("\(path) cannot be read as UTF-8 text")
        }
    }

    private static func split(_ text: String) -> [Block] {
        var blocks: [Block] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            if line == CheckpointDocument.format || blocks.isEmpty {
                if line.isEmpty { continue }
                blocks.append(Block(line: index + 1, lines: []))
            }
            blocks[blocks.count - 1].lines.append(line)
        }
        return blocks
    }

    private static func checkpoint(_ lines: [Substring]) throws -> Checkpoint {
        guard let gap = lines.firstIndex(of: "") else { throw OperationError("it has no signature") }
        let document = try CheckpointDocument(parsing: lines[..<gap].joined(separator: "\n") + "\n")
        let rest = lines[(gap + 1)...].filter { !$0.isEmpty }
        guard let line = rest.first, line.hasPrefix("signature "),
            let signature = bytes(hexadecimal: line.dropFirst(10)), signature.count == 64
        else { throw OperationError("it has no signature") }
        let heads = try rest.dropFirst().map(head)
        return Checkpoint(
            document: document, signature: signature,
            heads: heads.isEmpty && document.heads > 0 ? nil : heads)
    }

    private static func head(_ line: Substring) throws -> SignedHead {
        let parts = line.split(separator: " ")
        guard parts.count == 4, parts[0] == "head", let writer = UUID(uuidString: String(parts[1])),
            let number = Int64(parts[2]), number >= 0, let seal = bytes(hexadecimal: parts[3]), seal.count == 32
        else { throw OperationError("a line is no head of a chain") }
        return SignedHead(writer: writer, number: number, seal: seal)
    }
}

extension CheckpointFile {
    /// The last whole checkpoint of a file to append to; nil where there is no file, or nothing in it.
    ///
    /// What a crash cut off at the end is removed: the database has it still.
    static func lastWhole(of path: String) throws -> Checkpoint? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let text = try content(path)
        let blocks = split(text)
        guard let block = blocks.last else { return nil }
        guard blocks.allSatisfy({ $0.lines.first.map { $0 == CheckpointDocument.format } ?? false }) else {
            throw OperationError("\(path) holds something other than checkpoints: name another file")
        }
        if text.hasSuffix("\n"), let last = whole(block) { return last }
        let kept = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(block.line - 1)
        try writing(path) { try Data(kept.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: path)) }
        return try blocks.dropLast().last.map { try checkpoint($0.lines) }
    }

    private static func whole(_ block: Block) -> Checkpoint? {
        do {
            let last = try checkpoint(block.lines)
            return last.heads.map { Int64($0.count) } == last.document.heads ? last : nil
        } catch {
            // Cut off in the middle of a line, it reads like anything.
            return nil
        }
    }

    /// Adds checkpoints at the end, and waits until the disk has them.
    static func append(_ checkpoints: [Checkpoint], to path: String) throws {
        try writing(path) {
            if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(filePath: path)) }
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            defer { file.closeFile() }
            try file.seekToEnd()
            try file.write(contentsOf: Data(checkpoints.map(\.text).joined().utf8))
            try file.synchronize()
        }
    }

    private static func writing(_ path: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw OperationError("\(path) cannot be written")
        }
    }
}
