internal import CPatch
import Foundation
import Glibc
import PatchClassifier

/// Where a run stands, in one file: a line of format, the length of a JSON header in 8 bytes, the header, values as
/// little-endian float32, and the CRC-32 of all before it. It is replaced whole, or not at all.
public struct TrainingCheckpoint {
    private static let format = Array("sentinode checkpoint 1\n".utf8)
    /// Largest header that is read, in bytes.
    private static let largestHeader = 1 << 26

    private struct Header: Codable {
        let recipe: Recipe
        /// What names the samples and the starting weights.
        let identity: String
        let history: [EpochRecord]
        let rate: LearningRate
        let steps: Int
        let parameterCount: Int
        let hasAverage: Bool
        let tensors: [Shape]
    }

    private struct Shape: Codable {
        let name: String
        let shape: [Int]
    }

    /// Writes it beside `path` first, to the disk, and then in its place.
    ///
    /// - Throws: `.checkpoint`; what stood at `path` before still stands there.
    public static func write(_ run: TrainingRun, identity: String, to path: String) throws(TrainingError) {
        let progress = run.progress
        let header = Header(
            recipe: run.recipe, identity: identity, history: progress.history, rate: progress.rate,
            steps: progress.engine.steps, parameterCount: progress.engine.parameters.count,
            hasAverage: !progress.engine.average.isEmpty,
            tensors: (progress.best?.tensors ?? []).map { Shape(name: $0.name, shape: $0.shape) })
        let json: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            json = try encoder.encode(header)
        } catch {
            throw TrainingError(.checkpoint, "the checkpoint cannot be encoded: \(error)")
        }
        var bytes = format
        withUnsafeBytes(of: UInt64(json.count).littleEndian) { bytes += $0 }
        bytes += json
        let state = progress.engine
        let values =
            [state.parameters, state.mean, state.square, state.average] + (progress.best?.tensors ?? []).map(\.values)
        for value in values.joined() { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
        withUnsafeBytes(of: patch_png_checksum(bytes, bytes.count).littleEndian) { bytes += $0 }
        try DurableFile.write(bytes, to: path)
    }

    /// - Throws: `.checkpoint` for a file that is no checkpoint, is damaged, or is of another run.
    public static func read(_ path: String, for run: TrainingRun, identity: String) throws(TrainingError)
        -> TrainingRun.Progress
    {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainingError(.checkpoint, "\(path) cannot be read")
        }
        let bytes = [UInt8](data)
        func damaged(_ what: String) -> TrainingError {
            TrainingError(.checkpoint, "\(path) is no whole checkpoint: \(what)")
        }
        let start = format.count + 8
        guard bytes.count >= start + 4, bytes.starts(with: format) else { throw damaged("it begins otherwise") }
        let crc = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self) }
        guard UInt32(littleEndian: crc) == patch_png_checksum(bytes, bytes.count - 4) else {
            throw damaged("its checksum is another")
        }
        let length = bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: format.count, as: UInt64.self))
        }
        guard length <= largestHeader, start + Int(length) <= bytes.count - 4 else {
            throw damaged("its header is too long")
        }
        let end = start + Int(length)
        let header: Header
        do {
            header = try JSONDecoder().decode(Header.self, from: Data(bytes[start..<end]))
        } catch {
            throw damaged("its header cannot be decoded")
        }
        guard header.recipe == run.recipe else {
            throw TrainingError(
                .checkpoint, "\(path) is of another recipe: go on with the flags that it was begun with")
        }
        guard header.identity == identity else {
            throw TrainingError(.checkpoint, "\(path) is of other patches or other starting weights")
        }
        var values = floats(in: bytes, end..<bytes.count - 4)[...]
        func take(_ count: Int) throws(TrainingError) -> [Float] {
            guard count >= 0, values.count >= count else { throw damaged("values are missing") }
            defer { values = values.dropFirst(count) }
            return Array(values.prefix(count))
        }
        let count = header.parameterCount
        let state = TrainingEngine.State(
            parameters: try take(count), mean: try take(count), square: try take(count),
            average: header.hasAverage ? try take(count) : [], steps: header.steps)
        var tensors: [Weights.Tensor] = []
        for tensor in header.tensors {
            let count = tensor.shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
            tensors.append(.init(name: tensor.name, shape: tensor.shape, values: try take(count)))
        }
        guard values.isEmpty else { throw damaged("there are values behind the last") }
        do {
            return TrainingRun.Progress(
                history: header.history, best: tensors.isEmpty ? nil : try Weights(tensors: tensors), rate: header.rate,
                engine: state)
        } catch {
            throw damaged("\(error)")
        }
    }

    private static func floats(in bytes: [UInt8], _ range: Range<Int>) -> [Float] {
        bytes.withUnsafeBytes { bytes in
            stride(from: range.lowerBound, through: range.upperBound - 4, by: 4).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
            }
        }
    }
}

/// A file that is whole after a crash: written under another name, to the disk, and renamed.
public enum DurableFile {
    public static func write(_ bytes: [UInt8], to path: String) throws(TrainingError) {
        let partial = path + ".partial"
        func failed(_ what: String) -> TrainingError {
            let reason = String(cString: strerror(errno))
            unlink(partial)
            return TrainingError(
                .checkpoint, "\(path) could not be written (\(what): \(reason)); what stood there before still does")
        }
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failed("open") }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = failed("write")
                close(descriptor)
                throw error
            }
            written += count
        }
        guard fsync(descriptor) == 0 else {
            let error = failed("fsync")
            close(descriptor)
            throw error
        }
        guard close(descriptor) == 0 else { throw failed("close") }
        guard rename(partial, path) == 0 else { throw failed("rename") }
    }
}
