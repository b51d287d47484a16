import Database

/// What of a patch is compared with the reference, in histograms of fixed bins.
enum MonitoredStatistic: Int, CaseIterable, Sendable {
    case score, odMeanRed, odMeanGreen, odMeanBlue, odDeviationRed, odDeviationGreen, odDeviationBlue
    case saturation, brightness, focus, tissueShare
    case hematoxylinRed, hematoxylinGreen, eosinRed, eosinGreen

    private static let columnNames: [StaticString] = [
        "p_tumor", "od_mean_red", "od_mean_green", "od_mean_blue", "od_sd_red", "od_sd_green", "od_sd_blue",
        "saturation", "brightness", "focus", "tissue_share", "hematoxylin_red", "hematoxylin_green", "eosin_red",
        "eosin_green",
    ]

    /// The column of `sentinode.predictions` and `monitor.reference_patches`; NULL where a patch has no such figure.
    var column: SQL { SQL(stringLiteral: MonitoredStatistic.columnNames[rawValue]) }

    /// The same, to find it in an answer.
    var columnName: String { MonitoredStatistic.columnNames[rawValue].description }

    /// As `monitor.measurements` names it.
    var metric: String { self == .score ? "score" : columnName }

    /// Edges of the bins, in the column's unit. Stained tissue has optical densities up to 2; focus spans decades.
    var edges: [Double] { MonitoredStatistic.edges[rawValue] }

    private static let edges: [[Double]] = allCases.map { statistic in
        switch statistic {
        case .score: (0...20).map { Double($0) / 20 }
        case .odMeanRed, .odMeanGreen, .odMeanBlue: (0...32).map { Double($0) * 0.0625 }
        case .odDeviationRed, .odDeviationGreen, .odDeviationBlue: (0...32).map { Double($0) * 0.025 }
        case .saturation, .brightness, .tissueShare: (0...20).map { Double($0) / 20 }
        case .hematoxylinRed, .hematoxylinGreen, .eosinRed, .eosinGreen: (-20...20).map { Double($0) / 20 }
        case .focus: (0...32).map { 4 * focusStep(Double($0)) }
        }
    }

    /// 1, 1.5, 2, 3, 4, 6 ...: two bins a doubling.
    private static func focusStep(_ number: Double) -> Double {
        let octave = (number / 2).rounded(.down)
        let base = Double(sign: .plus, exponent: Int(octave), significand: 1)
        return number - 2 * octave == 0 ? base : 1.5 * base
    }

    static let columns = SQL.joined(allCases.map(\.column), separator: ", ")
}
