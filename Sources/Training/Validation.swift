import Dispatch
public import PatchClassifier
import Synchronization

/// What a network says of labelled patches, on all threads.
public struct Validation: Sendable {
    /// In the order of the patches.
    public let answers: [LogProbabilities]
    /// Mean negative log-likelihood, weighted.
    public let loss: Double
    public let accuracy: Double

    /// - Throws: `.network` for weights that no network may have, or none that takes these patches.
    public init(
        of samples: [TrainingSample], _ weights: Weights, engine: Engine, threads: Int,
        augmentation: TestTimeAugmentation = .none
    ) throws(TrainingError) {
        guard let first = samples.first else { throw TrainingError(.data, "there is no patch to validate with") }
        let network: Network
        do {
            network = try Network(weights, side: first.patch.width, arithmetic: engine.arithmetic)
        } catch {
            throw TrainingError(.network, "no network can hold the weights: \(error)")
        }
        let slices = stride(from: 0, to: samples.count, by: 64).map { $0..<min($0 + 64, samples.count) }
        let shared = Mutex((next: 0, answers: [[LogProbabilities]?](repeating: nil, count: slices.count), fault: ""))
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, slices.count))) { _ in
            let classifier = Classifier(network, kernel: engine.kernel, augmentation: augmentation)
            while true {
                let number = shared.withLock { shared in
                    defer { shared.next += 1 }
                    return shared.next
                }
                guard number < slices.count else { return }
                do {
                    let answers = try classifier.classify(samples[slices[number]].map(\.patch))
                    shared.withLock { $0.answers[number] = answers }
                } catch {
                    shared.withLock { $0.fault = "\(error)" }
                }
            }
        }
        let (found, fault) = shared.withLock { ($0.answers.compactMap(\.self).flatMap(\.self), $0.fault) }
        guard found.count == samples.count else { throw TrainingError(.data, fault) }
        answers = found
        var (loss, total, right) = (0.0, 0.0, 0.0)
        for (sample, answer) in zip(samples, found) {
            loss -= sample.weight * Double(sample.isTumor ? answer.tumor : answer.normal)
            total += sample.weight
            if (answer.tumor > answer.normal) == sample.isTumor { right += sample.weight }
        }
        (self.loss, accuracy) = (loss / total, right / total)
    }
}
