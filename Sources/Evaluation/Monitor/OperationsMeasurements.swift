import Database
import Foundation
import Monitoring

/// How work flows: of a day what it took, and of now what waits.
struct OperationsMeasurements {
    let connection: DatabaseConnection

    private static let everything = Subject(version: "", segment: .overall)

    /// From sending to the answer, how far senders' clocks are off, and what was quarantined.
    func measurements(of window: MonitorWindow) throws -> [Measurement] {
        try times(window) + quarantined(window)
    }

    private func times(_ window: MonitorWindow) throws -> [Measurement] {
        let row = try connection.query(
            """
            select count(*) as sent, count(*) filter (where enqueued_at > received_at) as ahead,
                extract(epoch from max(enqueued_at - received_at))::double precision as furthest,
                percentile_cont(array[0.5, 0.95, 0.99]) within group
                    (order by extract(epoch from predicted_at - enqueued_at)::double precision) as seconds
            from sentinode.predictions where enqueued_at is not null and
            """ + " " + storedBetween(window.start, window.end)
        ).onlyRow()
        let sent = try row.int8("sent")
        guard sent > 0 else { return [] }
        let seconds = try row.float8Array("seconds")
        var figures = zip(["p50", "p95", "p99"], seconds).map { method, value in
            Measurement(
                subject: OperationsMeasurements.everything, metric: "seconds_from_sending_to_answer", method: method,
                value: value, patches: sent, state: .shown)
        }
        let ahead = try row.int8("ahead")
        figures.append(
            Measurement(
                subject: OperationsMeasurements.everything, metric: "senders_clock_ahead", method: "share of patches",
                value: Double(ahead) / Double(sent), patches: sent, state: .shown,
                note: "sent, by the sender's clock, after it was received"))
        let furthest = try row.float8("furthest")
        if furthest > 0 {
            figures.append(
                Measurement(
                    subject: OperationsMeasurements.everything, metric: "senders_clock_ahead",
                    method: "seconds at most", value: furthest, patches: sent, state: .shown))
        }
        return figures
    }

    private func quarantined(_ window: MonitorWindow) throws -> [Measurement] {
        try connection.query(
            """
            select reason, count(*) as messages from sentinode.quarantined_messages
            where quarantined_at >= $1 and quarantined_at < $2 group by reason order by reason
            """, [.timestamp(window.start), .timestamp(window.end)]
        ).map { row in
            let count = try row.int8("messages")
            return Measurement(
                subject: OperationsMeasurements.everything, metric: "quarantined", method: try row.text("reason"),
                value: Double(count), patches: count, state: .shown)
        }
    }

    /// What waits for people.
    func now() throws -> [Measurement] {
        let row = try connection.query(
            """
            select count(*) as waiting, count(*) filter (where due_at < now()) as overdue,
                extract(epoch from now() - min(added_at))::double precision as oldest
            from review.worklist_items
            """
        ).onlyRow()
        let waiting = try row.int8("waiting")
        func figure(_ metric: String, _ value: Double, _ method: String = "") -> Measurement {
            Measurement(
                subject: OperationsMeasurements.everything, metric: metric, method: method, value: value,
                patches: waiting, state: .shown)
        }
        let counts = [
            figure("reviews_waiting", Double(waiting)), figure("reviews_overdue", Double(try row.int8("overdue"))),
        ]
        return counts
            + (try row.optionalFloat8("oldest").map { [figure("oldest_review", $0, "seconds")] } ?? [])
    }

    static let agreement = "agreement"

    /// How well readers agree with one another and with the model, over all labels.
    func agreement() throws -> [Measurement] {
        try connection.query(
            """
            select between_whom, kappa, kappa_low, kappa_high, n from review.agreement
            where first = 'all' order by between_whom
            """
        ).map { row in
            let (low, high) = (try row.optionalFloat8("kappa_low"), try row.optionalFloat8("kappa_high"))
            let kappa = try row.optionalFloat8("kappa")
            return Measurement(
                subject: OperationsMeasurements.everything, metric: OperationsMeasurements.agreement,
                method: try row.text("between_whom"),
                value: kappa,
                interval: low.flatMap { low in
                    high.map { ConfidenceInterval(lower: low, upper: $0, level: 0.95) }
                }, patches: try row.int8("n"), state: kappa == nil ? .notEnoughData : .shown,
                note: "Cohen's kappa")
        }
    }
}
