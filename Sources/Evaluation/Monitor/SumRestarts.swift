import Database

/// When alerts of cumulative sums were resolved: the sums begin anew then.
struct SumRestarts {
    private var resolved: [AlertCondition: [Timestamp]] = [:]

    /// - Parameter asOf: later acts are not known.
    init(asOf: Timestamp, _ connection: DatabaseConnection) throws {
        for row in try connection.query(
            """
            select model_version, window_kind, segment_kind, segment, metric, method, act.acted_at
            from monitor.alerts join monitor.alert_acts as act using (alert_id)
            where method = $1 and act.act = 'resolved' and act.acted_at < $2 order by act.acted_at
            """, [.text(SequentialMeasurements.method), .timestamp(asOf)])
        {
            resolved[try AlertCondition(row), default: []].append(try row.timestamp("acted_at"))
        }
    }

    /// The last one by a window's end; nil for none.
    func latest(_ metric: String, of subject: Subject, by end: Timestamp) -> Timestamp? {
        let condition = AlertCondition(
            version: subject.version, windowKind: MonitorConfiguration.performanceAlarms.rawValue,
            segment: subject.segment, metric: metric, method: SequentialMeasurements.method)
        return resolved[condition]?.last { $0 <= end }
    }
}
