import Foundation
import MessageBroker
import Testing

/// A result message as a receiver sees it.
struct Event {
    /// What every event of the contract has, and what predictions and refusals have besides.
    struct Content: Decodable {
        struct Receipt: Decodable, Hashable {
            let writer: UUID
            let seal: Int64
            let leaf: Int32
            let root: String
        }

        let event: String
        let event_id: UUID
        let job_id: UUID?
        let message_id: String?
        let decision: String?
        let log_p_normal: Float?
        let log_p_tumor: Float?
        let model_version: String?
        let reason: String?
        let receipt: Receipt?
        let notice: String?
    }

    let routingKey: String
    let properties: MessageProperties
    let body: [UInt8]
    let content: Content

    init(_ delivery: Delivery) throws {
        guard case .bytes(let body) = delivery.body else { throw EventTooLarge() }
        routingKey = delivery.routingKey
        properties = delivery.properties
        self.body = body
        content = try JSONDecoder().decode(Content.self, from: Data(body))
    }

    var isPrediction: Bool { routingKey.hasPrefix("prediction.") }
}

/// An event with a body that was not kept.
struct EventTooLarge: Error {}
