import Foundation
import PatchClassifier
import Testing

/// What libFuzzer found that reaches the most of the parsers (`scripts/fuzz`): read or refused, and never a crash.
@Suite struct FuzzedFilesTests {
    private static func files(_ parser: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/fuzzed/\(parser)")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
            ($0, Array(try Data(contentsOf: folder.appending(path: $0))))
        }
    }

    @Test(arguments: ["safetensors", "archive", "stream"])
    func `weights are read as what an export says again, or refused with a reason`(format: String) throws {
        let files = try Self.files(format)
        #expect(files.count > 10)
        var refused = 0
        for (name, bytes) in files {
            do throws(WeightsError) {
                let weights = try Weights(contentsOf: bytes)
                #expect(try Weights(contentsOf: weights.pyTorchStateDict()) == weights, "\(name)")
            } catch {
                refused += 1
                #expect(error.message.count > 10, "\(name)")
            }
        }
        #expect(refused > files.count / 3)
    }

    @Test func `pictures are decoded or refused with a reason`() throws {
        let files = try Self.files("png")
        #expect(files.count > 10)
        for (name, bytes) in files {
            do throws(PatchDecodingError) {
                #expect(try Patch(png: bytes, width: 96, height: 96).rgb.count == 96 * 96 * 3, "\(name)")
            } catch {
                #expect(error.message.count > 10, "\(name)")
            }
        }
    }
}
