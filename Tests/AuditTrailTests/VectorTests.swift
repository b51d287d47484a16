import AuditTrail
import Foundation
import Testing

/// The contract's vectors, which an independent program made from its text.
private struct Vectors: Decodable {
    struct Row: Decodable {
        let table: String
        let columns: [VectorColumn]
        let digest: String
    }

    struct Tree: Decodable {
        let leaves: [String]
        let root: String
    }

    struct Chain: Decodable {
        struct Link: Decodable {
            let number: Int64
            let leaves: [String]
            let root: String
            let seal: String
        }

        let writer: UUID
        let seals: [Link]
    }

    let rows: [Row]
    let trees: [Tree]
    let chain: Chain

    init(from file: URL) throws {
        self = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
    }
}

/// `[name, tag, value]`.
private struct VectorColumn: Decodable {
    let column: Column

    init(from decoder: any Decoder) throws {
        var parts = try decoder.unkeyedContainer()
        let name = try parts.decode(String.self)
        let tag = try parts.decode(String.self)
        let value: ColumnValue =
            switch tag {
            case "b": .boolean(try parts.decode(Bool.self))
            case "i": .integer(try parts.decode(Int64.self))
            case "f": .real(try parts.decode(Float.self))
            case "d": .double(try parts.decode(Double.self))
            case "t": .text(try parts.decode(String.self))
            case "y": .bytes(bytes(try parts.decode(String.self)))
            case "u": .uuid(try parts.decode(UUID.self))
            case "z": .timestamp(try parts.decode(Int64.self))
            default: throw DecodingError.dataCorruptedError(in: parts, debugDescription: "unknown tag \(tag)")
            }
        column = Column(name, value)
    }
}

/// Bytes of hexadecimal digits.
private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal.utf8).map { UInt8($0 > 57 ? $0 - 87 : $0 - 48) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

@Suite struct `Row digests, trees and seals` {
    private let vectors: Vectors

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        vectors = try Vectors(from: root.appending(path: "contracts/row-digest-vectors.json"))
    }

    @Test func `a row has the digest that the contract gives it`() throws {
        #expect(vectors.rows.count >= 3)
        for row in vectors.rows {
            let encoding = RowEncoding(table: row.table, columns: row.columns.map(\.column))
            #expect(hexadecimal(try Hash.sha256(encoding.bytes)) == row.digest)
        }
    }

    @Test func `the order in which columns are given does not matter`() throws {
        let columns = vectors.rows[0].columns.map(\.column)
        let sorted = columns.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        #expect(columns != sorted)
        #expect(RowEncoding(table: "t", columns: columns).bytes == RowEncoding(table: "t", columns: sorted).bytes)
    }

    @Test func `a change of any column changes the encoding`() {
        let columns = vectors.rows[0].columns.map(\.column)
        let whole = RowEncoding(table: "t", columns: columns).bytes
        for left in columns.indices {
            var fewer = columns
            fewer.remove(at: left)
            #expect(RowEncoding(table: "t", columns: fewer).bytes != whole)
        }
        #expect(RowEncoding(table: "u", columns: columns).bytes != whole)
    }

    @Test func `a tree of any size has the root of RFC 9162`() throws {
        let tree = MerkleTree(hash: try Hash())
        #expect(vectors.trees.count == 12)
        for vector in vectors.trees {
            #expect(hexadecimal(try tree.root(over: vector.leaves.map(bytes))) == vector.root)
        }
    }

    @Test func `seals form the chain that the contract gives`() throws {
        var chain = SealChain(writer: vectors.chain.writer)
        let hash = try Hash()
        for link in vectors.chain.seals {
            let seal = try chain.next(over: link.leaves.map(bytes), hash: hash)
            #expect(seal.number == link.number)
            #expect(hexadecimal(seal.root) == link.root)
            #expect(hexadecimal(seal.value) == link.seal)
            chain.advance(past: seal)
        }
    }

    @Test func `a seal that was not committed leaves no trace in the chain`() throws {
        var chain = SealChain(writer: vectors.chain.writer)
        let hash = try Hash()
        let first = try chain.next(over: [[1]], hash: hash)
        chain.advance(past: first)
        let lost = try chain.next(over: [[2]], hash: hash)
        let second = try chain.next(over: [[3]], hash: hash)
        #expect(lost.number == second.number)
        #expect(second.previous == first.value)
    }

    @Test func `a hash fed in pieces is the hash of the whole`() throws {
        let hash = try Hash()
        for piece in [[UInt8]](arrayLiteral: [1, 2], [], [3]) { try piece.withUnsafeBytes { try hash.update($0) } }
        #expect(try hash.finalize() == Hash.sha256([1, 2, 3]))
        #expect(try hash.finalize() == Hash.sha256([]))
    }
}
