import Database
import Foundation

/// An announcement that waits for the webhook.
struct WebhookDelivery {
    let id: Int64
    let eventID: UUID
    let body: String
}

/// Announcements that wait in the database until the webhook takes them.
struct WebhookQueue {
    /// Read at once.
    private static let batch: Int64 = 100

    let connection: DatabaseConnection

    /// From its first call on, what is announced of alerts is kept.
    func begin() throws {
        try connection.query("insert into monitor.webhook (is_in_use) values (true) on conflict do nothing")
    }

    /// Whether this session alone delivers, until it ends; false where another one does.
    func isMine() throws -> Bool {
        try connection.query("select pg_try_advisory_lock(1397050964, 5) as is_mine").onlyRow().bool("is_mine")
    }

    /// What may be tried now, the oldest first.
    func due() throws -> [WebhookDelivery] {
        try connection.query(
            """
            select delivery_id, event_id, body from monitor.webhook_deliveries
            where attempts = 0 or due_at <= clock_timestamp()
                -- Put off by a clock that was ahead.
                or due_at > clock_timestamp() + interval '15 minutes'
            order by delivery_id limit $1
            """, [.int8(WebhookQueue.batch)]
        ).map {
            WebhookDelivery(
                id: try $0.int8("delivery_id"), eventID: try $0.uuid("event_id"), body: try $0.text("body"))
        }
    }

    func remove(_ delivery: WebhookDelivery) throws {
        try connection.query(
            "delete from monitor.webhook_deliveries where delivery_id = $1", [.int8(delivery.id)])
    }

    /// For 1 s, then twice as long each time, at most a quarter of an hour.
    func putOff(_ deliveries: some Sequence<WebhookDelivery>, because failure: String) throws {
        try connection.query(
            """
            update monitor.webhook_deliveries set attempts = attempts + 1, failure = $2,
                due_at = clock_timestamp() + least(interval '15 minutes', interval '1 second' * 2 ^ least(attempts, 12))
            where delivery_id = any($1)
            """, [.int8Array(deliveries.map(\.id)), .text(failure)])
    }

    func backlog() throws -> WebhookBacklog {
        let row = try connection.query(
            """
            select count(*) as waiting, min(created_at) as since,
                (array_agg(failure order by due_at desc) filter (where failure is not null))[1] as failure
            from monitor.webhook_deliveries
            """
        ).onlyRow()
        return WebhookBacklog(
            waiting: Int(try row.int8("waiting")), since: try row.optionalTimestamp("since"),
            failure: try row.optionalText("failure"))
    }
}
