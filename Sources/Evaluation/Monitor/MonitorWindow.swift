import Database

/// The fixed calendar windows, all in UTC.
public enum WindowKind: String, CaseIterable, Codable, Sendable {
    case hour
    case day
    /// From Monday (ISO 8601).
    case week
    /// The 28 days up to a midnight; one ends every day.
    case rolling = "28 days"

    /// Length, microseconds.
    var length: Int64 {
        switch self {
        case .hour: MonitorWindow.hour
        case .day: MonitorWindow.day
        case .week: 7 * MonitorWindow.day
        case .rolling: 28 * MonitorWindow.day
        }
    }

    /// From one window's end to the next one's, microseconds.
    var step: Int64 { self == .rolling ? MonitorWindow.day : length }

    /// As it is named on the command line.
    public var shortName: String { self == .rolling ? "28d" : rawValue }

    /// The Unix epoch was a Thursday, and weeks begin on Mondays.
    fileprivate var offset: Int64 { self == .week ? 4 * MonitorWindow.day : 0 }
}

/// What was stored from `start` on and before `end`.
struct MonitorWindow: Hashable, Comparable, Sendable {
    static let hour: Int64 = 3_600_000_000
    static let day = 24 * hour

    let kind: WindowKind
    let end: Timestamp

    var start: Timestamp { Timestamp(microseconds: end.microseconds - kind.length) }

    func contains(_ time: Timestamp) -> Bool { start <= time && time < end }

    static func < (left: MonitorWindow, right: MonitorWindow) -> Bool {
        (left.end, left.kind.length) < (right.end, right.kind.length)
    }

    /// The windows of a kind that end after one time and by another, in order.
    static func ending(after begin: Timestamp, by until: Timestamp, _ kind: WindowKind) -> [MonitorWindow] {
        let first = floor(begin.microseconds, kind) + kind.step
        return stride(from: first, through: until.microseconds, by: Int64.Stride(kind.step)).map {
            MonitorWindow(kind: kind, end: Timestamp(microseconds: $0))
        }
    }

    /// The windows of a kind that contain a time, and end by another.
    static func containing(_ time: Timestamp, by until: Timestamp, _ kind: WindowKind) -> [MonitorWindow] {
        ending(after: time, by: min(until, Timestamp(microseconds: time.microseconds + kind.length)), kind)
            .filter { $0.contains(time) }
    }

    /// The last boundary of the kind's windows at or before a time.
    static func floor(_ microseconds: Int64, _ kind: WindowKind) -> Int64 {
        let shifted = microseconds - kind.offset
        let remainder = shifted % kind.step
        return microseconds - (remainder < 0 ? remainder + kind.step : remainder)
    }
}

extension Timestamp {
    /// The start of its hour.
    var hour: Timestamp { Timestamp(microseconds: MonitorWindow.floor(microseconds, .hour)) }
    /// The start of its day.
    var day: Timestamp { Timestamp(microseconds: MonitorWindow.floor(microseconds, .day)) }
}
