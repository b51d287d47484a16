import Foundation
import PatchClassifier
import Testing

/// The weight files of `Fixtures/weights`, made by the real libraries, and what they hold.
enum WeightsFixtures {
    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/weights")
        return Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// The tensors that PyTorch had in hand when it wrote the files, in its order.
    static func expected(_ list: String) throws -> [Weights.Tensor] {
        let answers = try JSONDecoder().decode([String: [Answer]].self, from: Data(bytes("expected.json")))
        return try #require(answers[list]).map { answer in
            Weights.Tensor(name: answer.name, shape: answer.shape, values: answer.bits.map(Float.init(bitPattern:)))
        }
    }

    private struct Answer: Decodable {
        let name: String
        let shape: [Int]
        let bits: [UInt32]
    }

    /// The model that comes with the product.
    static let shippedModel = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../models/sentinode-baseline-1.safetensors").standardizedFileURL

    /// The folder of shared real files beside the package, which is not there on every machine.
    static let shared = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/models").standardizedFileURL
    static let isSharedPresent = FileManager.default.fileExists(atPath: shared.path)
}

/// The refusal of `bytes`; nil where they are read.
func refusal(of bytes: [UInt8]) -> WeightsError? {
    do {
        _ = try Weights(contentsOf: bytes)
        return nil
    } catch {
        return error
    }
}

extension [UInt8] {
    /// `count` little-endian bytes of `value`.
    init(littleEndian value: Int, count: Int) {
        self = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The bytes with the only occurrence of `old` replaced.
    func replacing(_ old: [UInt8], with new: [UInt8]) throws -> [UInt8] {
        let places = indices.filter { self[$0...].starts(with: old) }
        try #require(places.count == 1)
        return Array(self[..<places[0]]) + new + self[(places[0] + old.count)...]
    }
}
