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
                extract(epoch from max(received_at - enqueued_at))::double precision as oldest,
                percentile_cont(array[0.5, 0.95, 0.99]) within group
                    (order by extract(epoch from predicted_at - enqueued_at)::double precision) as seconds,
                percentile_cont(array[0.5, 0.95, 0.99]) within group
                    (order by extract(epoch from received_at - enqueued_at)::double precision) as ages
            from sentinode.predictions where enqueued_at is not null and
            """ + " " + storedBetween(window.start, window.end)
        ).onlyRow()
        let sent = try row.int8("sent")
        guard sent > 0 else { return [] }
        func figure(_ metric: String, _ method: String, _ value: Double?, _ note: String? = nil) -> Measurement {
            Measurement(
                subject: OperationsMeasurements.everything, metric: metric, method: method, value: value,
                patches: sent, state: .shown, note: note)
        }
        let quantiles = ["p50", "p95", "p99"]
        var figures = zip(quantiles, try row.float8Array("seconds")).map {
            figure("seconds_from_sending_to_answer", $0, $1)
        }
        let taken = "seconds that patches had waited when a worker took them"
        figures += zip(quantiles, try row.float8Array("ages")).map { figure("backlog_age", $0, $1, taken) }
        figures.append(figure("backlog_age", "at most", try row.float8("oldest"), taken))
        let ahead = try row.int8("ahead")
        figures.append(
            figure(
                "senders_clock_ahead", "share of patches", Double(ahead) / Double(sent),
                "sent, by the sender's clock, after it was received"))
        let furthest = try row.float8("furthest")
        if furthest > 0 { figures.append(figure("senders_clock_ahead", "seconds at most", furthest)) }
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

    /// What waits for people, and how long ago workers answered last.
    func now() throws -> [Measurement] {
        try reviews() + lastAnswer()
    }

    static let overridden = "activated_despite_criteria"

    /// Activations of versions that had not met what was asked of them, each at its own time: one that was answered is
    /// not raised again, and one that was rolled back is not forgotten.
    func overridden() throws -> [PlacedMeasurement] {
        try connection.query(
            """
            select active_version, overridden, changed_at from sentinode.control
            where overridden is not null and active_version is not null order by generation
            """
        ).map { row in
            let at = try row.timestamp("changed_at")
            return PlacedMeasurement(
                Measurement(
                    subject: Subject(version: try row.text("active_version"), segment: .overall),
                    metric: OperationsMeasurements.overridden, value: 1, threshold: 0, state: .alarm,
                    note: try row.text("overridden")), from: at, toNow: at)
        }
    }

    /// Where no worker takes what waits, nothing that is stored tells of it but the time since.
    private func lastAnswer() throws -> [Measurement] {
        let row = try connection.query(
            """
            select extract(epoch from now() - coalesce(stored_at, predicted_at))::double precision as since,
                extract(epoch from received_at - enqueued_at)::double precision as age
            from sentinode.predictions
            where coalesce(stored_at, predicted_at) >= (select max(hour) from monitor.hours where predictions > 0)
            order by coalesce(stored_at, predicted_at) desc limit 1
            """
        ).first
        guard let row else { return [] }
        func figure(_ metric: String, _ value: Double, _ note: String) -> Measurement {
            Measurement(
                subject: OperationsMeasurements.everything, metric: metric, method: "seconds", value: value, patches: 1,
                state: .shown, note: note)
        }
        let since = figure(
            "since_last_answer", try row.float8("since"), "long where nothing is sent, or no worker takes it")
        let age = try row.optionalFloat8("age").map {
            figure("backlog_age", $0, "that the patch answered last had waited when a worker took it")
        }
        return [since] + [age].compactMap(\.self)
    }

    private func reviews() throws -> [Measurement] {
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

    /// How well readers agree with one another and with the model, on labels of a rolling window's length.
    func agreement(asOf: Timestamp) throws -> [Measurement] {
        let since = Timestamp(microseconds: asOf.microseconds - WindowKind.rolling.length)
        return try connection.query(
            """
            select between_whom, kappa, kappa_low, kappa_high, n from review.agreement_since($1)
            where first = 'all' order by between_whom
            """, [.timestamp(since)]
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
                note: "Cohen's kappa, labels of the last \(WindowKind.rolling.rawValue)")
        }
    }
}
