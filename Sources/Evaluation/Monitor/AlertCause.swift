import Monitoring

/// What an alert points to, in the order in which people look: what comes in moves the scores, and both move the errors.
/// So the first cause there is explains those after it, and the raw value opens the reason of its alerts.
enum AlertCause: String, CaseIterable, Sendable {
    case inputs = "inputs have drifted from the acceptance reference"
    case scores = "scores have drifted from the acceptance reference"
    case errors = "errors are not as frequent as in the acceptance reference"

    /// Of a figure beyond its limit.
    init(metric: String) {
        let statistic = MonitoredStatistic.allCases.first { $0.metric == metric }
        switch statistic {
        case .score: self = .scores
        case .some: self = .inputs
        case nil where metric == EmbeddingDrift.metric: self = .inputs
        case nil: self = metric == DriftFigures.decisionRate ? .scores : .errors
        }
    }

    /// Of a stored alert; that recall or precision fell is about errors too.
    init(reason: String) {
        self = AlertCause.allCases.first { reason.hasPrefix($0.rawValue) } ?? .errors
    }

    /// Sorted by cause, otherwise in their order.
    static func sorted<Alert>(_ alerts: [Alert], reason: (Alert) -> String) -> [Alert] {
        allCases.flatMap { cause in alerts.filter { AlertCause(reason: reason($0)) == cause } }
    }
}
