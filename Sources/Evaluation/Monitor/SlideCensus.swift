import Database

/// How many slides each subject of a window has predictions of.
struct SlideCensus {
    private var slides: [Subject: Int] = [:]

    /// A day's as an earlier run stored it with the drift figures; nil where none did.
    init?(storedOf day: MonitorWindow, _ connection: DatabaseConnection) throws {
        let rows = try connection.query(
            """
            select model_version, segment_kind, segment, max(slides) as slides from monitor.measurements
            where window_kind = 'day' and window_start = $1 and metric in ('drift', 'score') and slides is not null
            group by model_version, segment_kind, segment
            """, [.timestamp(day.start)])
        guard !rows.isEmpty else { return nil }
        for row in rows {
            guard let kind = Segment.Kind(rawValue: try row.text("segment_kind")) else { continue }
            let subject = Subject(
                version: try row.text("model_version"), segment: Segment(kind: kind, name: try row.text("segment")))
            slides[subject] = Int(try row.int4("slides"))
        }
    }

    /// Counted.
    init(of window: MonitorWindow, _ connection: DatabaseConnection) throws {
        let query =
            """
            select model_version, site, scanner, stain, grouping(site, scanner, stain), count(distinct slide_id)
            from sentinode.predictions where slide_id is not null and
            """ + " " + storedBetween(window.start, window.end)
                + """
                 group by grouping sets ((model_version), (model_version, site), (model_version, scanner),
                    (model_version, stain))
                """
        try connection.copyOut(query) { row in
            let version = try row.text() ?? ""
            let names = (try row.text(), try row.text(), try row.text())
            let absent = try row.int4() ?? 0b111
            let count = try row.int8() ?? 0
            // A bit for each column that is not grouped by.
            let segment: Segment? =
                switch absent {
                case 0b111: .overall
                case 0b011: names.0.map { Segment(kind: .site, name: $0) }
                case 0b101: names.1.map { Segment(kind: .scanner, name: $0) }
                default: names.2.map { Segment(kind: .stain, name: $0) }
                }
            if let segment { slides[Subject(version: version, segment: segment)] = Int(count) }
        }
    }

    /// 0 where no slide is named.
    func slides(of subject: Subject) -> Int { slides[subject] ?? 0 }
}
