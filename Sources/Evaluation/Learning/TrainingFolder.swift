import Foundation
import PatchClassifier
import Training

/// The folder that a training run writes to.
public struct TrainingFolder: Sendable {
    public let path: String
    var checkpoint: String { path + "/checkpoint" }
    public var weights: String { path + "/weights.safetensors" }
    var history: String { path + "/history.csv" }
    public var page: String { path + "/history.html" }
    var record: String { path + "/training.json" }

    /// - Throws: `OperationError` where another run's files would be written over, or there is none to go on from.
    public init(_ path: String, resuming: Bool) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw OperationError("\(path) cannot be made")
        }
        let isBegun = FileManager.default.fileExists(atPath: checkpoint)
        if resuming, !isBegun { throw OperationError("\(path) holds no checkpoint to go on from: leave --resume out") }
        if !resuming, isBegun {
            throw OperationError(
                "\(path) holds the checkpoint of another run: go on with --resume, or name another folder")
        }
    }
}
