import Database

/// Which windows a run computes: those that ended since the run before, and those whose labels changed since.
struct WindowPlan {
    /// In the order of their ends.
    let windows: [MonitorWindow]
    /// Those of them that were computed before, and in which nothing but labels has changed.
    let relabelled: Set<MonitorWindow>
    /// Windows that ended by then are computed once the run is stored.
    let until: Timestamp
    /// Whether more windows have ended that another run computes.
    let isPartial: Bool

    /// - Parameters:
    ///   - kinds: the others are left out.
    ///   - asOf: what counts is known by then.
    ///   - begin: the first hour that has predictions.
    init(
        of kinds: Set<WindowKind>, after previous: PreviousRun?, asOf: Timestamp, begin: Timestamp,
        _ connection: DatabaseConnection
    ) throws {
        let from = previous?.windowsUntil ?? begin
        let ended = max(asOf.hour, from)
        until = min(ended, Timestamp(microseconds: from.microseconds + MonitorConfiguration.longestRun))
        isPartial = until < ended
        var windows: Set<MonitorWindow> = []
        for kind in kinds { windows.formUnion(MonitorWindow.ending(after: from, by: until, kind)) }
        var relabelled: Set<MonitorWindow> = []
        if let previous {
            for time in try WindowPlan.relabelled(since: previous.asOf, before: asOf, connection) {
                for kind in kinds where kind != .hour {
                    relabelled.formUnion(MonitorWindow.containing(time, by: from, kind))
                }
            }
            relabelled = try WindowPlan.computed(relabelled, connection)
            if let frozen = try WindowPlan.referenceFrozen(since: previous.asOf, before: asOf, connection) {
                let recent = Timestamp(
                    microseconds: max(frozen.microseconds, from.microseconds - MonitorWindow.day * 28))
                for kind in kinds where kind != .hour {
                    windows.formUnion(
                        try WindowPlan.computed(Set(MonitorWindow.ending(after: recent, by: from, kind)), connection))
                }
            }
        }
        self.relabelled = relabelled.subtracting(windows)
        self.windows = windows.union(relabelled).sorted()
    }

    /// Those of the windows that some run computed: a kind that was left out is made up for by none.
    private static func computed(_ windows: Set<MonitorWindow>, _ connection: DatabaseConnection) throws
        -> Set<MonitorWindow>
    {
        let windows = Array(windows)
        let found = try connection.query(
            """
            select number from unnest($1::text[], $2::timestamptz[]) with ordinality as wanted (kind, start, number)
            where exists (select from monitor.measurements where window_kind = kind and window_start = start)
            """, [.textArray(windows.map(\.kind.rawValue)), .timestampArray(windows.map(\.start))])
        return Set(try found.map { windows[Int(try $0.int8("number")) - 1] })
    }

    /// Days of the predictions whose labels, or whether they count, changed in a time.
    private static func relabelled(since: Timestamp, before: Timestamp, _ connection: DatabaseConnection) throws
        -> [Timestamp]
    {
        try connection.query(
            """
            select distinct date_trunc('day', coalesce(prediction.stored_at, prediction.predicted_at), 'UTC') as day
            from review.labels as label join sentinode.predictions as prediction using (job_id)
            where label.labelled_at >= $1 and label.labelled_at < $2 order by 1
            """, [.timestamp(since), .timestamp(before)]
        ).map { try $0.timestamp("day") }
    }

    /// End of the period of a reference that was frozen in a time: what came after it is compared anew.
    private static func referenceFrozen(since: Timestamp, before: Timestamp, _ connection: DatabaseConnection) throws
        -> Timestamp?
    {
        try connection.query(
            "select min(window_end) as ended from monitor.reference_profiles where in_force_from >= $1 and in_force_from < $2",
            [.timestamp(since), .timestamp(before)]
        ).onlyRow().optionalTimestamp("ended")
    }
}
