import AuditTrail
import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What `message.quarantined` says.
private struct RefusalEvent: Decodable {
    let job_id: UUID
    let payload_sha256: String
    let reason: String
}

/// What became of jobs, in tables and in events.
struct Outcomes {
    struct Key: Hashable {
        let jobID: UUID
        let payload: String
    }

    let predictions: Set<UUID>
    let quarantined: [Key: String]
    private let toldPredictions: Set<UUID>
    private let toldRefusals: [Key: String]

    init(of laboratory: Laboratory) throws {
        let database = laboratory.database
        predictions = Set(
            try database.query("select job_id from sentinode.predictions").map { try $0.uuid("job_id") })
        let refused = try database.query(
            "select job_id, encode(payload_sha256, 'hex') as payload, reason from sentinode.quarantined_messages")
        quarantined = try Dictionary(
            refused.map { (Key(jobID: try $0.uuid("job_id"), payload: try $0.text("payload")), try $0.text("reason")) },
            uniquingKeysWith: { $1 })
        let events = try laboratory.takeEvents()
        toldPredictions = Set(events.filter(\.isPrediction).compactMap(\.content.job_id))
        toldRefusals = try Dictionary(
            events.filter { $0.routingKey == "message.quarantined" }.map { event in
                let content = try JSONDecoder().decode(RefusalEvent.self, from: Data(event.body))
                let key = Key(jobID: content.job_id, payload: content.payload_sha256)
                return (key, content.reason)
            }, uniquingKeysWith: { $1 })
    }

    func row(of message: BadMessage) throws -> BadMessage.Outcome {
        try outcome(of: message, predictions: predictions, refusals: quarantined)
    }

    func event(of message: BadMessage) throws -> BadMessage.Outcome {
        try outcome(of: message, predictions: toldPredictions, refusals: toldRefusals)
    }

    private func outcome(of message: BadMessage, predictions: Set<UUID>, refusals: [Key: String]) throws
        -> BadMessage.Outcome
    {
        let job = try message.jobID
        if let code = refusals[Key(jobID: job, payload: hexadecimal(try message.bodySHA256()))] {
            return Refusal.Reason(rawValue: code).map { .quarantined($0) } ?? .lost
        }
        return predictions.contains(job) ? .recorded : .lost
    }
}

extension BadMessage {
    func bodySHA256() throws -> [UInt8] { try Hash.sha256(body) }
}
