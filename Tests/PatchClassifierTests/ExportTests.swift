import Foundation
import PatchClassifier
import Testing

/// That PyTorch and ONNX Runtime compute the same from these files, `Benchmarks/exports/run` shows.
@Suite struct ExportTests {
    @Test func `a state_dict is read back as it was, name by name and bit by bit`() throws {
        let weights = try Weights.read(path: WeightsFixtures.shippedModel.path)
        let file = weights.pyTorchStateDict()
        #expect(try Weights(contentsOf: file) == weights)
        #expect(file == weights.pyTorchStateDict())
    }

    @Test func `an ONNX model holds each tensor's values once, and what it is told`() throws {
        let weights = try Weights.read(path: WeightsFixtures.shippedModel.path)
        let file = Data(try Network.onnx(weights, notes: [("model_version", "lab-2")]))
        for tensor in weights.tensors {
            let values = tensor.values.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
            let place = try #require(file.range(of: values), "\(tensor.name)")
            #expect(file.range(of: values, in: place.upperBound..<file.endIndex) == nil)
        }
        for word in ["model_version", "lab-2", "patches", "log_probabilities", "LogSoftmax", "MaxPool"] {
            #expect(file.range(of: Data(word.utf8)) != nil, "\(word)")
        }
        #expect(file.count < 4 * 127_230 + 4096)
    }
}
