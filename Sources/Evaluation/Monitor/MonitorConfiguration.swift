import Database
import Monitoring

/// What a run computes, and when it alarms: stored with every run.
public struct MonitorConfiguration: Sendable, Equatable {
    /// Days between false alarms of all drift figures and cumulative sums together, on average, while nothing changes.
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

    /// Shares of the budget of days' histograms, and of days' embeddings; the cumulative sums have the rest.
    private static let driftShare = 0.5
    private static let embeddingShare = 0.25

    /// Of the histograms' drift figures that a part has on one day.
    ///
    /// - Parameter parts: that can alarm and share the budget: every version overall, and each of its sites.
    func driftBudget(parts: Double) -> FalseAlarmBudget { budget(MonitorConfiguration.driftShare, parts) }

    /// Of the embeddings that a part has of one day.
    func embeddingBudget(parts: Double) -> FalseAlarmBudget { budget(MonitorConfiguration.embeddingShare, parts) }

    private func budget(_ share: Double, _ parts: Double) -> FalseAlarmBudget {
        FalseAlarmBudget(windowDays: 1, daysBetweenFalseAlarms: parts * daysBetweenFalseAlarms / share)
    }

    /// Days between false alarms of one of the cumulative sums of a part.
    func daysBetweenFalseSums(parts: Double) -> Double {
        parts * daysBetweenFalseAlarms * Double(1 + ErrorStream.allCases.count)
            / (1 - MonitorConfiguration.driftShare - MonitorConfiguration.embeddingShare)
    }

    /// By how much wider than its 95 % interval a figure against labels is taken: Bonferroni's, 5 % over all that raise
    /// an alert from one window.
    static func widening(parts: Double) -> Double {
        let figures = parts * Double(alarmingFigures.count + 1)
        let quantile = NormalDistribution.quantile(1 - 0.025 / figures) ?? .infinity
        return quantile / NormalDistribution.multiplier(level: 0.95)
    }

    /// What raises no alert, a sentence each, because the windows that it alarms from are left out.
    public var unalarmed: [String] {
        [
            (MonitorConfiguration.driftAlarms, "drift"),
            (
                MonitorConfiguration.performanceAlarms,
                "precision, recall, specificity, cumulative sums and what labels say of scores"
            ),
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
