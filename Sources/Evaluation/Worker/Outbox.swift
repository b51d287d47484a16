import Database
import Foundation
import MessageBroker

/// Announcements that wait in the database until the broker takes them.
struct Outbox {
    /// Announcements moved at once.
    static let batch = 128
    /// Refusals after which an announcement no longer holds up a drain, and a reply that the broker closes the
    /// connection over is given up; a direct reply is at the first.
    static let fewRefusals = 3

    /// What one round of relaying did.
    struct Round {
        var more = false
        var repliesLost = 0
        /// Why the broker closed the connection over the only announcement of the round.
        var failure: BrokerError?
    }

    let connection: DatabaseConnection

    /// Called for what the broker has not confirmed in time, before the deliveries are acknowledged.
    func keep(_ messages: [(eventID: UUID, message: OutgoingMessage)]) throws {
        try connection.query(
            """
            insert into sentinode.outbox (event_id, exchange, routing_key, correlation_id, body)
            select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
            """,
            [
                .uuidArray(messages.map(\.eventID)), .textArray(messages.map(\.message.exchange)),
                .textArray(messages.map(\.message.routingKey)),
                .textArray(messages.map { $0.message.properties.correlationID.map(Outbox.storable) }),
                .textArray(messages.map { String(decoding: $0.message.body, as: UTF8.self) }),
            ])
    }

    /// What the column takes: no NUL and at most 255 bytes. Only what is not text loses anything by it.
    private static func storable(_ correlationID: String) -> String {
        var text = correlationID.replacing("\0", with: "\u{FFFD}")
        while text.utf8.count > 255 { text.removeLast() }
        return text
    }

    /// Publishes what is due, oldest first and at most `limit`, and removes what the broker confirmed. Several relays
    /// share the work. What the broker refuses is tried again later and later, and keeps nothing else waiting.
    ///
    /// - Throws: `BrokerError` where the connection was lost over several: the culprit shows when fewer are tried.
    func relay(through publisher: Publisher, confirmWait: Double, limit: Int) throws -> Round {
        try connection.transaction { connection in
            let rows = try connection.query(
                """
                select outbox_id, event_id, exchange, routing_key, correlation_id, body
                from sentinode.outbox
                where refusals = 0 or due_at <= clock_timestamp()
                    -- Put off by a clock that was ahead.
                    or due_at > clock_timestamp() + interval '1 hour'
                order by outbox_id limit $1 for update skip locked
                """, [.int4(Int32(limit))])
            guard !rows.isEmpty else { return Round() }
            let ids = try rows.map { try $0.int8("outbox_id") }
            let messages = try rows.map(Outbox.message)
            do {
                return try settle(ids, publisher.publish(messages, deadline: confirmWait), limit: limit)
            } catch let error as BrokerError where ids.count == 1 && error.isVerdict {
                return Round(repliesLost: try giveUpReply(ids[0], to: messages[0].routingKey), failure: error)
            }
        }
    }

    private static func message(_ row: Row) throws -> OutgoingMessage {
        Announcement.message(
            eventID: try row.uuid("event_id"), exchange: try row.text("exchange"),
            routingKey: try row.text("routing_key"), correlationID: try row.optionalText("correlation_id"),
            body: try row.text("body"))
    }

    private func settle(_ ids: [Int64], _ outcomes: [PublishOutcome], limit: Int) throws -> Round {
        let settled = zip(ids, outcomes).filter { $0.1.isSettled }.map(\.0)
        let refused = zip(ids, outcomes).filter { $0.1 == .refused }.map(\.0)
        try connection.query("delete from sentinode.outbox where outbox_id = any($1)", [.int8Array(settled)])
        if !refused.isEmpty { try postpone(refused) }
        return Round(
            more: ids.count == limit && settled.count + refused.count == ids.count,
            repliesLost: outcomes.count { if case .returned = $0 { true } else { false } })
    }

    /// For 1 s, then twice as long after each refusal, at most an hour.
    private func postpone(_ ids: [Int64]) throws {
        try connection.query(
            """
            update sentinode.outbox set refusals = refusals + 1,
                due_at = clock_timestamp() + least(interval '1 hour', interval '1 second' * 2 ^ least(refusals, 12))
            where outbox_id = any($1)
            """, [.int8Array(ids)])
    }

    /// Called for what the broker closed the connection over: an address that nobody can be reached at, or one that
    /// this login may not write to. Returns how many replies were given up.
    private func giveUpReply(_ id: Int64, to queue: String) throws -> Int {
        try postpone([id])
        let patience = BrokerNames.isDirectReply(queue) ? 1 : Outbox.fewRefusals
        return try connection.query(
            "delete from sentinode.outbox where outbox_id = $1 and exchange = '' and refusals >= $2",
            [.int8(id), .int4(Int32(patience))]
        ).affected
    }

    /// Whether nothing waits but what the broker has refused several times.
    func isRelayed() throws -> Bool {
        try connection.query(
            "select count(*) as waiting from sentinode.outbox where refusals < $1", [.int4(Int32(Outbox.fewRefusals))]
        ).onlyRow().int8("waiting") == 0
    }
}

extension PublishOutcome {
    /// Whether nothing more can be done for the message: a reply that no queue takes will not be taken later either.
    var isSettled: Bool {
        switch self {
        case .confirmed, .returned: true
        case .refused, .unconfirmed: false
        }
    }
}

extension BrokerError {
    /// Whether the broker closed the connection over what it was sent, and not because it stops (320).
    fileprivate var isVerdict: Bool { code > 0 && code != 320 }
}
