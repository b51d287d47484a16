import AuditTrail
import Database
import Foundation
import MessageBroker

/// What one transaction inserts, and what becomes of each finding.
struct RecordingPlan {
    private enum Fate {
        case inserted(index: Int)
        case stored(StoredPrediction)
        case quarantined(Refusal)
    }

    var predictions: [Prediction] = []
    private(set) var quarantined: [QuarantinedMessage] = []
    private(set) var repeats: [QuarantineRepeat] = []
    /// Where the leaves of `predictions` stand; set once they are inserted.
    var predictionPositions: [LeafPosition] = []
    private var fates: [(submission: Submission, fate: Fate)] = []
    private let isAnotherTry: Bool

    /// `isAnotherTry` as in `Recording`.
    init(
        _ findings: [Finding], _ known: Known, at: Timestamp, readable: QuarantinedMessage.Readable, isAnotherTry: Bool
    ) {
        self.isAnotherTry = isAnotherTry
        for finding in findings {
            let fate: Fate
            switch (finding.content, known.predictions[finding.submission.jobID]) {
            case (.prediction(let prediction), nil):
                fate = .inserted(index: predictions.count)
                predictions.append(prediction)
            case (.prediction(let prediction), .some(let stored)) where prediction.job.imageSHA256 == stored.imageSHA256:
                fate = .stored(stored)
            case (.prediction, .some):
                let refusal = Refusal(
                    .jobIDReused,
                    "a prediction of another image has this job id: give every patch a message_id of its own")
                fate = quarantine(finding.submission, refusal, known, at: at, readable: readable)
            case (.refusal(let refusal), _):
                fate = quarantine(finding.submission, refusal, known, at: at, readable: readable)
            }
            fates.append((finding.submission, fate))
        }
    }

    /// A redelivered message that is here already was quarantined just before it could be acknowledged, and one that is
    /// tried again by the try before; one that comes anew, or after somebody decided about it, was sent again.
    private mutating func quarantine(
        _ submission: Submission, _ refusal: Refusal, _ known: Known, at: Timestamp,
        readable: QuarantinedMessage.Readable
    ) -> Fate {
        let key = Known.QuarantineKey(jobID: submission.jobID, payloadSHA256: submission.payloadSHA256)
        if !known.quarantined.contains(key) {
            quarantined.append(
                QuarantinedMessage(
                    submission: submission, refusal: refusal, quarantinedAt: at, readable: readable))
        } else if !isAnotherTry && !submission.delivery.redelivered || known.decided.contains(key) {
            repeats.append(QuarantineRepeat(submission: submission, refusal: refusal, quarantinedAt: at))
        }
        return .quarantined(refusal)
    }

    /// nil where everything was recorded before.
    func event(modelVersion: String) -> AuditEvent? {
        let counts = [
            (Prediction.table.name, predictions.count),
            (ShadowPrediction.table.name, predictions.reduce(0) { $0 + $1.opinions.count }),
            (QuarantinedMessage.table.name, quarantined.count),
            (QuarantineRepeat.table.name, repeats.count),
        ].filter { $0.1 > 0 }
        guard !counts.isEmpty else { return nil }
        return AuditEvent(
            action: "batch.recorded", subject: modelVersion,
            detail: .object(counts.map { ($0.0, .integer(Int64($0.1))) }))
    }

    /// `root` is that of the seal over what was inserted; nil where nothing was.
    func settlements(root: [UInt8]?) throws -> [Settlement] {
        try fates.map { submission, fate in
            switch fate {
            case .inserted(let index):
                let receipt = Receipt(position: predictionPositions[index], root: root ?? [])
                return Settlement(
                    submission: submission, outcome: .recorded(predictions[index].decision),
                    announcement: try Announcement(
                        StoredPrediction(predictions[index], receipt), reply: submission.reply))
            case .stored(let stored):
                return Settlement(
                    submission: submission, outcome: .alreadyRecorded,
                    announcement: try Announcement(stored, reply: submission.reply))
            case .quarantined(let refusal):
                return Settlement(
                    submission: submission, outcome: .quarantined(refusal.reason),
                    announcement: try Announcement(quarantined: submission, refusal))
            }
        }
    }
}
