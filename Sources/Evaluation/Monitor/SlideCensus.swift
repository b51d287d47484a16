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
        let query: SQL =
            "select model_version, site, scanner, stain, slide_id from sentinode.predictions where slide_id is not null and "
            + storedBetween(window.start, window.end) + " group by 1, 2, 3, 4, 5"
        var names: [Subject: Set<String>] = [:]
        try connection.copyOut(query) { row in
            let version = try row.text() ?? ""
            let origin = Origin(
                site: try row.text() ?? "", scanner: try row.text() ?? "", stain: try row.text() ?? "")
            let slide = try row.text() ?? ""
            for segment in origin.segments {
                names[Subject(version: version, segment: segment), default: []].insert(slide)
            }
        }
        slides = names.mapValues(\.count)
    }

    /// 0 where no slide is named.
    func slides(of subject: Subject) -> Int { slides[subject] ?? 0 }
}
