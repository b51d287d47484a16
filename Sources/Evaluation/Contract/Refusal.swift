/// Why a message cannot become a prediction: a permanent fault of the message's own.
public struct Refusal: Error, Sendable, Equatable {
    /// Reason codes as stored in `sentinode.quarantined_messages.reason` and sent in `message.quarantined`.
    public enum Reason: String, Sendable, CaseIterable {
        case empty
        case notPNG = "not_png"
        case animated
        case wrongSize = "wrong_size"
        case tooLarge = "too_large"
        case truncated
        case corrupt
        case transparent
        case unsupportedContentType = "unsupported_content_type"
        case malformedJSON = "malformed_json"
        case malformedBase64 = "malformed_base64"
        case malformedMetadata = "malformed_metadata"
        case jobIDReused = "job_id_reused"
        case unstorable
        case crashedWorker = "crashed_worker"
    }

    public let reason: Reason
    /// What was wrong and what was expected, as a sentence. Never holds pixels or case numbers.
    public let explanation: String

    public init(_ reason: Reason, _ explanation: String) {
        self.reason = reason
        self.explanation = explanation
    }
}
