import AuditTrail
import Foundation
import Testing

@testable import Evaluation

@Suite struct `A draw for review` {
    private struct Vectors: Decodable {
        struct Key: Decodable { let key, commitment: String }
        struct Number: Decodable {
            let key, purpose: String
            let job_id: UUID
            let number: Double
        }

        let keys: [Key]
        let draws: [Number]
    }

    private let vectors: Vectors
    private let key: ReviewKey

    init() throws {
        let file = contractsFolder.appending(path: "review-draws-vectors.json")
        vectors = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
        key = try ReviewKey(hexadecimal: vectors.keys[0].key)
    }

    @Test func `gives the numbers and commitments of the contract`() throws {
        #expect(vectors.draws.count == 27)
        for vector in vectors.keys {
            #expect(try ReviewKey(hexadecimal: vector.key).commitmentText == vector.commitment)
        }
        for vector in vectors.draws {
            let hash = try KeyedHash(key: ReviewKey(hexadecimal: vector.key).bytes)
            let purpose = try #require(Draw.Purpose(rawValue: vector.purpose))
            #expect(try Draw.uniform(vector.job_id, for: purpose, hash) == vector.number)
        }
    }

    @Test(arguments: [0.001, 0.02, 0.3, 0.9])
    func `hits as often as its probability says`(rate: Double) throws {
        let draw = try Draw(key: key)
        let jobs = try (0..<100_000).map { try JobIdentity.job(messageID: "\($0)", sender: "test") }
        let hits = try jobs.count { try draw.draws($0, for: .audit, rate: rate) }
        // Five standard deviations of the binomial distribution.
        let expected = rate * Double(jobs.count)
        #expect(abs(Double(hits) - expected) < 5 * (expected * (1 - rate)).squareRoot())
    }

    @Test func `for one purpose says nothing about another`() throws {
        let draw = try Draw(key: key)
        let jobs = try (0..<100_000).map { try JobIdentity.job(messageID: "\($0)", sender: "test") }
        let both = try jobs.count {
            try draw.draws($0, for: .positive, rate: 0.3) && draw.draws($0, for: .audit, rate: 0.2)
        }
        #expect(abs(Double(both) - 6000) < 5 * (6000 * 0.94).squareRoot())
    }

    @Test func `needs no key for what is certain or excluded, and one for everything else`() throws {
        let draw = try Draw(key: nil)
        #expect(try draw.draws(UUID(), for: .audit, rate: 1))
        #expect(try !draw.draws(UUID(), for: .audit, rate: 0))
        #expect(throws: KeylessDraw.self) { try draw.draws(UUID(), for: .audit, rate: 0.5) }
    }

    @Test func `is made with a key that nothing prints`() throws {
        var dumped = ""
        dump(key, to: &dumped)
        for printed in ["\(key)", String(reflecting: key), dumped] {
            #expect(!printed.contains(key.secretText) && !printed.contains("[0, 1, 2"))
            #expect(printed.contains(key.commitmentText))
        }
    }

    @Test(arguments: ["", "00", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
    func `takes no key but 64 hexadecimal digits`(text: String) {
        #expect(throws: ConfigurationError.self) { try ReviewKey(hexadecimal: text) }
    }
}
