import AuditTrail
import Database
public import PatchClassifier

/// What a model version decides by, beside its weights: how the network is asked, how its answer becomes a probability,
/// and where the lines are.
public struct DecisionRule: Sendable, Equatable {
    public var operatingPoint: OperatingPoint
    /// By which log-odds are divided (temperature scaling); nil where the network's own probabilities are used.
    public var temperature: Float?
    public var augmentation: TestTimeAugmentation

    public init(
        _ operatingPoint: OperatingPoint, temperature: Float? = nil, augmentation: TestTimeAugmentation = .none
    ) {
        (self.operatingPoint, self.temperature, self.augmentation) = (operatingPoint, temperature, augmentation)
    }

    public func pTumor(_ answer: LogProbabilities) -> Float {
        temperature.map { answer.pTumor(at: $0) } ?? answer.pTumor
    }

    public func decision(_ answer: LogProbabilities) -> Decision { operatingPoint.decision(pTumor(answer)) }

    /// From a row of `sentinode.model_versions`.
    init(_ row: Row) throws {
        operatingPoint = try OperatingPoint(row)
        temperature = try row.optionalFloat4("temperature")
        let stored = try row.optionalText("test_time_augmentation") ?? TestTimeAugmentation.none.rawValue
        guard let augmentation = TestTimeAugmentation(rawValue: stored) else {
            throw VersionError(
                description:
                    "a model version asks for the test-time augmentation \(stored), which this program does not "
                    + "know: run a newer sentinode")
        }
        self.augmentation = augmentation
    }

    var temperatureColumn: Column? { Column("temperature", real: temperature) }

    /// Absent where patches are looked at once, so that rows of versions from before stay what they are.
    var augmentationColumn: Column? {
        augmentation == .none ? nil : Column("test_time_augmentation", .text(augmentation.rawValue))
    }
}
