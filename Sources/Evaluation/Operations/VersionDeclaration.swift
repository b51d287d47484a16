public import Foundation
import PatchClassifier

/// What a model version is to be, in a file beside its weights: `weights.safetensors` has `weights.version.json`.
public struct VersionDeclaration: Sendable, Equatable {
    public var rule: DecisionRule
    public var scope: DeclaredScope
    /// On what, and how well, the operating point was chosen, in words; nil where it was set by hand.
    public var chosen: String?

    public init(_ rule: DecisionRule, _ scope: DeclaredScope = DeclaredScope(), chosen: String? = nil) {
        (self.rule, self.scope, self.chosen) = (rule, scope, chosen)
    }

    public static func path(beside weights: String) -> String {
        URL(filePath: weights).deletingPathExtension().appendingPathExtension("version.json").path
    }

    /// The one beside these weights; nil where there is none.
    ///
    /// - Throws: `OperationError` that names the file, for one that declares no version.
    public static func read(beside weights: String) throws -> VersionDeclaration? {
        let path = path(beside: weights)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            return try VersionDeclaration(json: Data(contentsOf: URL(filePath: path)))
        } catch let error as OperationError {
            throw OperationError("\(path): \(error)")
        } catch {
            throw OperationError("\(path) does not declare a model version: \(error)")
        }
    }

    public init(json: Data) throws {
        let stored = try JSONDecoder().decode(Stored.self, from: json)
        guard (stored.uncertain_low == nil) == (stored.uncertain_high == nil),
            (stored.mpp_low == nil) == (stored.mpp_high == nil)
        else { throw OperationError("a band has two ends") }
        let (low, high) = (stored.uncertain_low ?? stored.threshold, stored.uncertain_high ?? stored.threshold)
        guard stored.threshold > 0, stored.threshold < 1, low >= 0, low <= stored.threshold, high >= stored.threshold,
            high <= 1
        else { throw OperationError("the threshold lies between 0 and 1, and the uncertain band encloses it") }
        guard (0.01...100).contains(stored.temperature ?? 1) else {
            throw OperationError("a temperature is 0.01 to 100")
        }
        rule = DecisionRule(
            OperatingPoint(threshold: stored.threshold, uncertain: low < high ? low..<high : nil),
            temperature: stored.temperature, augmentation: stored.test_time_augmentation ?? .none)
        let (finest, coarsest) = (stored.mpp_low ?? 1, stored.mpp_high ?? 1)
        guard finest > 0, finest <= coarsest, coarsest < 1000 else {
            throw OperationError("micrometres a pixel are a range of positive numbers")
        }
        scope = DeclaredScope(mpp: stored.mpp_low == nil ? nil : finest...coarsest, stains: Set(stored.stains ?? []))
        chosen = stored.chosen
    }

    public var json: Data {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(Stored(self)) + [0x0a]
        }
    }

    /// The file's fields.
    private struct Stored: Codable {
        let threshold: Float
        let uncertain_low: Float?
        let uncertain_high: Float?
        let temperature: Float?
        let test_time_augmentation: TestTimeAugmentation?
        let mpp_low: Double?
        let mpp_high: Double?
        let stains: [String]?
        let chosen: String?

        init(_ declaration: VersionDeclaration) {
            let (point, scope) = (declaration.rule.operatingPoint, declaration.scope)
            threshold = point.threshold
            (uncertain_low, uncertain_high) = (point.uncertain?.lowerBound, point.uncertain?.upperBound)
            temperature = declaration.rule.temperature
            test_time_augmentation = declaration.rule.augmentation == .none ? nil : declaration.rule.augmentation
            (mpp_low, mpp_high) = (scope.mpp?.lowerBound, scope.mpp?.upperBound)
            stains = scope.stains.isEmpty ? nil : scope.stains.sorted()
            chosen = declaration.chosen
        }
    }
}
