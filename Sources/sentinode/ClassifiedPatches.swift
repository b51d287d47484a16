import Evaluation
import Foundation
import PatchClassifier

/// Classifies files of patches, some at a time.
struct ClassifiedPatches {
    private let classifier: Classifier

    init(_ classifier: Classifier) {
        self.classifier = classifier
    }

    /// - Throws: `OperationError` that names the file, for one that is no network of the family.
    static func network(_ path: String, _ arithmetic: Arithmetic = .current) throws -> Network {
        let weights = try Weights.read(path: path)
        do {
            return try Network(weights, arithmetic: arithmetic)
        } catch {
            throw OperationError("\(path): \(error)")
        }
    }

    /// Tells `failing` of what cannot be classified, and gives the rest to `body`; returns how many failed.
    func classify(
        _ found: PatchFiles, failing: (_ file: String, _ problem: String) -> Void,
        _ body: (_ file: String, Patch, LogProbabilities) throws -> Void
    ) throws -> Int {
        for problem in found.problems { failing(problem.path, problem.sentence) }
        var failures = found.problems.count
        for start in stride(from: 0, to: found.files.count, by: classifier.capacity) {
            let files = found.files[start..<min(start + classifier.capacity, found.files.count)]
            let good = files.compactMap { file in patch(file, failing).map { (file: file, patch: $0) } }
            failures += files.count - good.count
            for (one, answer) in zip(good, try classifier.classify(good.map(\.patch))) {
                try body(one.file, one.patch, answer)
            }
        }
        return failures
    }

    private func patch(_ file: String, _ failing: (String, String) -> Void) -> Patch? {
        do {
            let side = classifier.network.architecture.side
            return try Patch(png: [UInt8](Data(contentsOf: URL(filePath: file))), width: side, height: side)
        } catch let error as PatchDecodingError {
            failing(file, error.message)
        } catch {
            failing(file, "the file cannot be read")
        }
        return nil
    }
}
