import Database
import Monitoring

/// What a run computes, and when it alarms: stored with every run.
public struct MonitorConfiguration: Sendable, Equatable {
    /// Days between false alarms of all drift figures together, on average, while nothing changes.
    public var daysBetweenFalseAlarms: Double
    /// How far the upper end of a figure's interval may lie below the reference's figure before it alarms.
    public var tolerance: Double
    /// The kinds of windows that are computed.
    public var windows: Set<WindowKind>

    public init(
        daysBetweenFalseAlarms: Double = 30.4, tolerance: Double = 0.03,
        windows: Set<WindowKind> = Set(WindowKind.allCases)
    ) {
        self.daysBetweenFalseAlarms = daysBetweenFalseAlarms
        self.tolerance = tolerance
        self.windows = windows
    }

    /// Windows that drift alarms from, and windows that performance does: each condition from one kind alone.
    static let driftAlarms = WindowKind.day
    static let performanceAlarms = WindowKind.rolling
    /// Figures that raise an alert.
    static let alarmingFigures: Set<ConfusionFigure> = [.precision, .recall, .specificity]
    /// What one run covers at most; what was missed for longer is caught up with in several.
    static let longestRun = 28 * MonitorWindow.day

    /// What raises no alert, a sentence each, because the windows that it alarms from are left out.
    public var unalarmed: [String] {
        [
            (MonitorConfiguration.driftAlarms, "drift"),
            (MonitorConfiguration.performanceAlarms, "precision, recall, specificity and what labels say of scores"),
        ].filter { !windows.contains($0.0) }.map { kind, figures in
            "windows of \(kind.rawValue) are left out, so \(figures) raise no alert, and their open alerts wait for a person"
        }
    }

    /// As it is stored.
    var json: JSONText {
        .object([
            ("days_between_false_alarms", .double(daysBetweenFalseAlarms)), ("tolerance", .double(tolerance)),
            ("windows", .array(WindowKind.allCases.filter(windows.contains).map { .string($0.rawValue) })),
            ("drift_alarms_from", .string(MonitorConfiguration.driftAlarms.rawValue)),
            ("performance_alarms_from", .string(MonitorConfiguration.performanceAlarms.rawValue)),
            ("profile_layout", .integer(Int64(PredictionProfile.layout))),
        ])
    }

    /// What was stored with a run, from the columns `days`, `tolerance` and `windows`.
    init(_ row: Row) throws {
        self.init(
            daysBetweenFalseAlarms: try row.float8("days"), tolerance: try row.float8("tolerance"),
            windows: try WindowKind.stored(row))
    }
}

extension WindowKind {
    /// Those of a run's configuration, from the column `windows`.
    static func stored(_ row: Row) throws -> Set<WindowKind> {
        Set(try row.textArray("windows").compactMap { $0.flatMap(WindowKind.init) })
    }

    /// That column, of `monitor.runs`.
    static let storedColumn: SQL = "array(select jsonb_array_elements_text(configuration -> 'windows')) as windows"
}
