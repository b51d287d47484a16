import Monitoring

/// How scores and labels go together: what no single figure tells.
struct ScoreCurves {
    /// Scores are probabilities.
    let labelled: [LabelledScore]
    /// What the legend calls them.
    let name: String

    var parts: [ReportPart] { [reliability, receiver, precisionRecall] }

    private var reliability: ReportPart {
        var part = ReportPart(
            title: "Reliability: do scores mean what they say?",
            table: ReportTable(columns: ["mean score", "share of tumours", "patches"], rows: []))
        guard let diagram = ReliabilityDiagram(labelled, binning: .equalMass, bins: 10), labelled.count >= 20 else {
            part.words = "Too few labels: \(labelled.count) of 20."
            return part
        }
        part.table.rows = diagram.bins.map { [$0.meanScore.short, $0.tumourShare.short, "\($0.patches)"] }
        var chart = Chart(
            title: part.title, xLabel: "mean score of a bin", yLabel: "share of tumours", xRange: 0...1, yRange: 0...1)
        chart.series = [
            .init(name: "as it should be", style: .dashed, color: "c2", points: [(0, 0), (1, 1)]),
            .init(
                name: name, style: .line, color: "c1", points: diagram.bins.map { ($0.meanScore, $0.tumourShare) }),
            .init(name: "", style: .dots, color: "c1", points: diagram.bins.map { ($0.meanScore, $0.tumourShare) }),
        ]
        part.chart = chart
        return part
    }

    private var receiver: ReportPart {
        curve(
            "ROC curve", ("1 - specificity", "recall"),
            ROCCurve(labelled)?.points.map { ($0.falsePositiveRate, $0.truePositiveRate) })
    }

    private var precisionRecall: ReportPart {
        curve(
            "Precision and recall at every threshold", ("recall", "precision"),
            PrecisionRecallCurve(labelled)?.points.map { ($0.recall, $0.precision) })
    }

    private func curve(_ title: String, _ axes: (String, String), _ points: [(Double, Double)]?) -> ReportPart {
        var part = ReportPart(title: title, table: ReportTable(columns: [axes.0, axes.1], rows: []))
        guard let points, points.count > 1 else {
            part.words = "Needs labels of both kinds."
            return part
        }
        let shown = ScoreCurves.thinned(points)
        part.table.rows = ScoreCurves.thinned(points, to: 20).map { [$0.0.short, $0.1.short] }
        var chart = Chart(title: title, xLabel: axes.0, yLabel: axes.1, xRange: 0...1, yRange: 0...1)
        chart.series = [.init(name: name, style: .line, color: "c1", points: shown.map { (x: $0.0, y: $0.1) })]
        part.chart = chart
        return part
    }

    /// Evenly, with both ends: more points than a chart has pixels only make the page larger.
    private static func thinned(_ points: [(Double, Double)], to most: Int = 200) -> [(Double, Double)] {
        guard points.count > most else { return points }
        return (0..<most).map { points[$0 * (points.count - 1) / (most - 1)] }
    }
}
