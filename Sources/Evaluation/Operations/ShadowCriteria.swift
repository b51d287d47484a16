import Foundation

/// What a version must show in its shadow period before it may decide; written down before the period starts.
public struct ShadowCriteria: Sendable, Equatable, Codable {
    /// Days that the period lasts at least.
    public let fewest_days: Double
    /// Labelled patches, and those with tumour among them, that both versions answered, at least.
    public let fewest_labels: Int
    public let fewest_tumor_labels: Int
    /// By how much its recall and specificity, corrected for selection, may be lower than the active version's, as shares:
    /// the lower bounds of the paired differences must not lie below minus these.
    public let recall_margin: Double
    public let specificity_margin: Double
    /// Share of patches that it may call otherwise.
    public let most_disagreement: Double
    /// Share of patches that it may leave to people.
    public let most_uncertain: Double
    /// Of those one-sided lower bounds.
    public let confidence: Double

    public init(
        fewestDays: Double, fewestLabels: Int, fewestTumorLabels: Int, recallMargin: Double, specificityMargin: Double,
        mostDisagreement: Double, mostUncertain: Double, confidence: Double = 0.95
    ) {
        (fewest_days, fewest_labels, fewest_tumor_labels) = (fewestDays, fewestLabels, fewestTumorLabels)
        (recall_margin, specificity_margin) = (recallMargin, specificityMargin)
        (most_disagreement, most_uncertain, self.confidence) = (mostDisagreement, mostUncertain, confidence)
    }

    /// - Throws: `OperationError` that says what is missing or out of range.
    public init(json: String) throws {
        do {
            self = try JSONDecoder().decode(ShadowCriteria.self, from: Data(json.utf8))
        } catch let error as DecodingError {
            throw OperationError(ShadowCriteria.sentence(error))
        }
        let shares = [recall_margin, specificity_margin, most_disagreement, most_uncertain]
        guard fewest_days >= 0, fewest_days <= 3650, fewest_labels >= 0, fewest_tumor_labels >= 0,
            fewest_tumor_labels <= fewest_labels, shares.allSatisfy({ (0...1).contains($0) }),
            confidence >= 0.5, confidence < 1
        else {
            throw OperationError(
                "fewest_days, fewest_labels and fewest_tumor_labels are not negative, margins, most_disagreement "
                    + "and most_uncertain are 0 to 1, confidence is at least 0.5 and below 1")
        }
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            fewestDays: try fields.decode(Double.self, forKey: .fewest_days),
            fewestLabels: try fields.decode(Int.self, forKey: .fewest_labels),
            fewestTumorLabels: try fields.decode(Int.self, forKey: .fewest_tumor_labels),
            recallMargin: try fields.decode(Double.self, forKey: .recall_margin),
            specificityMargin: try fields.decode(Double.self, forKey: .specificity_margin),
            mostDisagreement: try fields.decode(Double.self, forKey: .most_disagreement),
            mostUncertain: try fields.decode(Double.self, forKey: .most_uncertain),
            confidence: try fields.decodeIfPresent(Double.self, forKey: .confidence) ?? 0.95)
    }

    private static func sentence(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            context.codingPath.last.map { "\($0.stringValue) is no number" } ?? "it is no JSON object"
        @unknown default: "it cannot be read"
        }
    }

    /// As it is stored.
    var json: String {
        JSONText.object([
            ("confidence", .double(confidence)), ("fewest_days", .double(fewest_days)),
            ("fewest_labels", .integer(Int64(fewest_labels))),
            ("fewest_tumor_labels", .integer(Int64(fewest_tumor_labels))),
            ("most_disagreement", .double(most_disagreement)),
            ("most_uncertain", .double(most_uncertain)), ("recall_margin", .double(recall_margin)),
            ("specificity_margin", .double(specificity_margin)),
        ]).text
    }
}
