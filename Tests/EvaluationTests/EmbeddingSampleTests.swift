import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite struct EmbeddingSampleTests {
    private static func job(_ number: Int, site: String?) throws -> Job {
        var metadata = PatchMetadata()
        metadata.site = site
        return Job(
            id: try #require(UUID(uuidString: MadePrediction.id(number))), messageID: nil, sender: nil,
            metadata: metadata, attributes: nil, attributesDropped: 0, png: [], imageSHA256: [])
    }

    @Test func `the lanes together keep what one lane would, and not many more`() throws {
        let jobs = try (0..<5000).map { try Self.job($0, site: "north") }
        let now = Timestamp.now
        func kept(_ sample: inout EmbeddingSample, _ jobs: [Job]) throws -> Set<UUID> {
            let drawn = try sample.draw(jobs, version: "v", features: 100, at: now)
            return Set(zip(jobs, drawn).filter(\.1).map(\.0.id))
        }
        var (first, second) = (try EmbeddingSample(), try EmbeddingSample())
        let together = try kept(&first, Array(jobs.prefix(1500))).union(kept(&second, Array(jobs.dropFirst(1500))))
        var alone = try EmbeddingSample()
        let all = try kept(&alone, jobs)
        // What is drawn once everything was seen are the smallest.
        let smallest = try kept(&alone, jobs)
        #expect(smallest.count == EmbeddingSample.size)
        #expect(smallest.isSubset(of: together) && smallest.isSubset(of: all))
        #expect(together.count < 12 * EmbeddingSample.size)
    }

    @Test func `a version, a site and a day have a sample each`() throws {
        var sample = try EmbeddingSample()
        let now = Timestamp.now
        let many = try (0..<3000).map { try Self.job($0, site: "north") }
        let first = try sample.draw(many, version: "v", features: 100, at: now)
        #expect(first.prefix(EmbeddingSample.size).allSatisfy { $0 } && first.contains(false))
        let few = try (0..<10).map { try Self.job(10_000 + $0, site: nil) }
        #expect(try sample.draw(few, version: "v", features: 100, at: now).allSatisfy { $0 })
        let other = try (0..<10).map { try Self.job(20_000 + $0, site: "north") }
        #expect(try sample.draw(other, version: "w", features: 100, at: now).allSatisfy { $0 })
        let tomorrow = Timestamp(microseconds: now.microseconds + MonitorWindow.day)
        #expect(try sample.draw(other, version: "v", features: 100, at: tomorrow).allSatisfy { $0 })
        let large = EmbeddingSample.largest + 1
        #expect(try sample.draw(few, version: "v", features: large, at: now).allSatisfy { !$0 })
    }

    @Test func `an embedding is stored as little-endian floats`() throws {
        let embedding: [Float] = [1, -2.5, 0]
        let packed = EmbeddingSample.packed(embedding)
        #expect(packed == [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0, 0, 0, 0, 0])
        #expect(packed.withUnsafeBytes { EmbeddingSample.unpacked($0) } == embedding)
        #expect([UInt8(1), 2, 3].withUnsafeBytes { EmbeddingSample.unpacked($0) } == nil)
    }
}

@Suite(.needsStack) struct StoredEmbeddingTests {
    @Test func `patches are stored with stain vectors, and the sample with its embedding, both sealed`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S-1", patches: 12)
            #expect(
                try laboratory.count(
                    """
                    select count(*) from sentinode.predictions
                    where octet_length(embedding) = 400 and hematoxylin_red > eosin_red
                    """) == 12)
            #expect(try laboratory.verify().isClean)
        }
    }
}
