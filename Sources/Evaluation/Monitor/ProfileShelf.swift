import Database

/// A version and a part of what it decided.
struct Subject: Hashable, Comparable, Sendable {
    let version: String
    let segment: Segment

    /// Alarms come from these alone: a scanner or a stain is shown.
    var canAlarm: Bool { segment.kind == .overall || segment.kind == .site }

    static func < (left: Subject, right: Subject) -> Bool {
        (left.version, left.segment) < (right.version, right.segment)
    }
}

/// Profiles of windows, added up from hours; those of the last days stay in memory, so that longer windows are sums of
/// days.
final class ProfileShelf {
    private let connection: DatabaseConnection
    private var days: [Timestamp: [Subject: PredictionProfile]] = [:]

    /// Days kept: a rolling window and the week before it.
    private static let most = 36

    init(_ connection: DatabaseConnection) {
        self.connection = connection
    }

    /// Every subject that the window has predictions of.
    func profiles(of window: MonitorWindow) throws -> [Subject: PredictionProfile] {
        guard window.kind != .hour else { return try profiles(from: window.start, to: window.end) }
        var sum: [Subject: PredictionProfile] = [:]
        for day in stride(
            from: window.start.microseconds, to: window.end.microseconds, by: Int(MonitorWindow.day))
        {
            for (subject, profile) in try self.day(Timestamp(microseconds: day)) {
                sum[subject, default: PredictionProfile()] += profile
            }
        }
        return sum
    }

    func day(_ start: Timestamp) throws -> [Subject: PredictionProfile] {
        if let known = days[start] { return known }
        let read = try profiles(from: start, to: Timestamp(microseconds: start.microseconds + MonitorWindow.day))
        if days.count >= ProfileShelf.most, let oldest = days.keys.min() { days[oldest] = nil }
        days[start] = read
        return read
    }

    /// Of whole hours.
    func profiles(from: Timestamp, to: Timestamp) throws -> [Subject: PredictionProfile] {
        var sum: [Subject: PredictionProfile] = [:]
        let query =
            "select model_version, site, scanner, stain, profile from monitor.hourly_profiles where hour >= "
            + time(from) + " and hour < " + time(to) + " order by hour, model_version, site, scanner, stain"
        try connection.copyOut(query) { row in
            let version = try row.text() ?? ""
            let origin = Origin(
                site: try row.text() ?? "", scanner: try row.text() ?? "", stain: try row.text() ?? "")
            guard let profile = try row.next().flatMap({ PredictionProfile(packed: $0) }) else {
                throw OperationError(
                    "monitor.hourly_profiles has a row of \(from) or later that this program did not write: empty "
                        + "monitor.hourly_profiles and monitor.hours, and they are counted again")
            }
            for segment in origin.segments {
                sum[Subject(version: version, segment: segment), default: PredictionProfile()] += profile
            }
        }
        return sum
    }
}
