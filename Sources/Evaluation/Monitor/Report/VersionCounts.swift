import Monitoring

/// What of a version's patches was labelled, and of what quality they were.
extension VersionChapter {
    var confusion: ReportPart {
        let cells = [
            ("tumor", "tumor", "true_positives"), ("tumor", "normal", "false_positives"),
            ("normal", "tumor", "false_negatives"), ("normal", "normal", "true_negatives"),
        ]
        return ReportPart(
            title: "Confusion matrix",
            words: "Labelled patches, and the patches they stand for when corrected.",
            table: ReportTable(
                columns: ["call", "label", "patches", "stand for"],
                rows: cells.map { called, labelled, metric in
                    [
                        "called \(called)", "labelled \(labelled)",
                        figures.toDate(version, metric, RealisedPerformance.plain)?.value?.short ?? "0",
                        figures.toDate(version, metric, RealisedPerformance.corrected)?.text ?? "",
                    ]
                }), isTable: true)
    }

    /// Recall of each part with its interval.
    var subgroups: ReportPart {
        let rows = figures.toDate(of: version).filter {
            $0.metric == "recall" && $0.method == RealisedPerformance.corrected
        }
        return ReportPart(
            title: "Recall by site, scanner and stain", chart: ForestChart.chart(rows),
            table: ReportTable(
                columns: ["part", "recall", "labelled", "slides", "what to know"],
                rows: rows.map {
                    [
                        $0.segment.text, $0.text, "\($0.patches)", $0.slides.map { "\($0)" } ?? "",
                        [$0.state == "shown" ? "" : $0.state, $0.note].filter { !$0.isEmpty }.joined(separator: "; "),
                    ]
                }), isTable: true)
    }

    var completeness: ReportPart {
        let rows = figures.toDate(of: version).filter { $0.segment == .overall && $0.metric == "response" }
        let counts = ["labelled", "unassessable", "voluntary"].compactMap { metric in
            figures.toDate(version, metric, "").flatMap { $0.value.map { "\(Int($0)) \(metric)" } }
        }
        return ReportPart(
            title: "Labels: asked for and given", words: counts.joined(separator: ", "),
            table: ReportTable(
                columns: ["asked because", "selected", "answered", "state", "delay"],
                rows: rows.map { [$0.method, "\($0.patches)", $0.value?.percent ?? "", $0.state, $0.note] }),
            isTable: true)
    }

    /// Of all patches, and of each site's.
    var quality: ReportPart {
        let own = figures.toDate(of: version).filter {
            $0.method == InputQuality.method && ($0.segment == .overall || $0.segment.kind == .site)
        }
        let parts = Dictionary(grouping: own, by: \.segment).sorted { $0.key < $1.key }
        let shown = InputQuality.allCases.map(\.rawValue)
        return ReportPart(
            title: "Input quality: shares of patches",
            words: own.filter { $0.segment == .overall }
                .map { "\($0.metric.replacing("_", with: " ")): \($0.note)" }.joined(separator: "; ") + ".",
            table: ReportTable(
                columns: ["part", "patches"] + shown.map { $0.replacing("_", with: " ") },
                rows: parts.map { segment, figures in
                    [segment.text, "\(figures.first?.patches ?? 0)"]
                        + shown.map { metric in
                            figures.first { $0.metric == metric }.map { $0.value?.percent ?? $0.state } ?? ""
                        }
                }), isTable: true)
    }
}

/// Intervals below one another.
enum ForestChart {
    static func chart(_ rows: [ReportedFigure]) -> Chart? {
        let known = rows.filter { $0.value != nil }
        guard known.count > 1 else { return nil }
        let count = Double(known.count)
        var chart = Chart(
            title: "Recall by part", xLabel: "recall", yLabel: "", xRange: 0...1, yRange: 0...count,
            rows: known.map(\.segment.text))
        chart.series = known.enumerated().flatMap { index, row -> [Chart.Series] in
            let place = count - Double(index) - 0.7
            return [
                .init(
                    name: "", style: .line, color: "c1",
                    points: [(row.low ?? row.value ?? 0, place), (row.high ?? row.value ?? 0, place)]),
                .init(name: "", style: .dots, color: "c1", points: [(row.value ?? 0, place)]),
            ]
        }
        return chart
    }
}
