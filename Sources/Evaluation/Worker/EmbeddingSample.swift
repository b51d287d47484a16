import AuditTrail
import Database
import Foundation

/// Which patches keep their embedding, for drift to be measured on: of a version, a site and a day those `size` whose
/// jobs have the smallest digests, as far as this lane knows.
///
/// All lanes together so keep the `size` smallest of all, a random sample (bottom-k sampling: Cohen and Kaplan, PODC 2007),
/// and a few more: about `size * ln(n / size)` of a lane's n patches.
struct EmbeddingSample {
    static let size = 100
    /// Features of an embedding at most: a network with more keeps none.
    static let largest = 16_384
    /// Parts that are remembered; what is forgotten is drawn anew, and keeps some more.
    private static let mostParts = 1000

    private struct Part: Hashable {
        let version: String
        let site: String?
        let day: Timestamp
    }

    private let hash: Hash
    /// In ascending order.
    private var smallest: [Part: [UInt64]] = [:]

    init() throws {
        hash = try Hash(.sha256)
    }

    /// For each job, in order, whether its patch is in the sample. One that is drawn again is in it again.
    mutating func draw(_ jobs: [Job], version: String, features: Int, at time: Timestamp) throws -> [Bool] {
        guard features <= EmbeddingSample.largest else { return jobs.map { _ in false } }
        return try jobs.map { job in
            let part = Part(version: version, site: job.metadata.site, day: time.day)
            if smallest[part] == nil, smallest.count >= EmbeddingSample.mostParts { smallest.removeAll() }
            return EmbeddingSample.keep(try rank(job.id), in: &smallest[part, default: []])
        }
    }

    private func rank(_ job: UUID) throws -> UInt64 {
        try withUnsafeBytes(of: job.uuid) { try hash.update($0) }
        return try hash.finalize().prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func keep(_ rank: UInt64, in kept: inout [UInt64]) -> Bool {
        if kept.count == size, let last = kept.last, rank > last { return false }
        let place = kept.firstIndex { $0 >= rank } ?? kept.count
        if place < kept.count, kept[place] == rank { return true }
        kept.insert(rank, at: place)
        if kept.count > size { kept.removeLast() }
        return true
    }

    /// As it is stored: float32, little-endian.
    static func packed(_ embedding: [Float]) -> [UInt8] {
        embedding.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    }

    /// nil where the bytes are no floats.
    static func unpacked(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
        guard bytes.count % 4 == 0 else { return nil }
        return stride(from: 0, to: bytes.count, by: 4).map {
            Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
        }
    }
}
