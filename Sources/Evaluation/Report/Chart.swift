import Database
import Foundation

/// A chart as SVG, drawn in the page's colours: 360 units wide, so that its text stays readable on a phone.
struct Chart {
    struct Series {
        enum Style: String { case line, dashed, steps, band, bars, dots }

        let name: String
        let style: Style
        /// A CSS class of the page: `c1` to `c4`, or `limit`.
        let color: String
        var points: [(x: Double, y: Double)] = []
        /// Upper ends of a band's points.
        var upper: [Double] = []
    }

    let title: String
    let xLabel: String
    let yLabel: String
    var xRange: ClosedRange<Double>
    var yRange: ClosedRange<Double>
    /// Whether x counts days since 1970.
    var isOverTime = false
    /// Names of rows from the top, each one unit of y high, above what is drawn in it; with them the y axis has no numbers.
    var rows: [String] = []
    var series: [Series] = []

    private static let width = 360.0
    private static let (right, top) = (350.0, 12.0)
    private static let rowHeight = 34.0
    /// Characters of a row's name that have room.
    private static let longestName = 56

    private var left: Double { rows.isEmpty ? 52 : 12 }
    private var bottom: Double { rows.isEmpty ? 178 : Chart.top + Chart.rowHeight * Double(rows.count) }
    private var entries: [Series] { series.filter { !$0.name.isEmpty && !$0.points.isEmpty } }
    private var height: Double { bottom + (xLabel.isEmpty ? 22 : 36) + Double((entries.count + 1) / 2) * 15 }

    var svg: String {
        """
        <svg viewBox="0 0 \(Int(Chart.width)) \(Int(height))" role="img" aria-label="\(title.escaped)">
        \(axes)\(series.map(draw).joined())\(legend)</svg>
        """
    }

    private func x(_ value: Double) -> Double {
        let share = (value - xRange.lowerBound) / max(xRange.upperBound - xRange.lowerBound, .leastNormalMagnitude)
        return left + min(max(share, 0), 1) * (Chart.right - left)
    }

    private func y(_ value: Double) -> Double {
        let share = (value - yRange.lowerBound) / max(yRange.upperBound - yRange.lowerBound, .leastNormalMagnitude)
        return bottom - min(max(share, 0), 1) * (bottom - Chart.top)
    }

    private var axes: String {
        let levels = rows.isEmpty ? Chart.ticks(yRange) : []
        let lines = levels.map { level in
            """
            <line class="grid" x1="\(left)" x2="\(Chart.right)" y1="\(y(level).place)" y2="\(y(level).place)"/>\
            <text class="tick" x="\(left - 4)" y="\((y(level) + 4).place)" text-anchor="end">\(level.short)</text>
            """
        }
        let names = rows.enumerated().map { index, name in
            """
            <text class="tick" x="\(left)" y="\((Chart.top + Chart.rowHeight * Double(index) + 11).place)">\
            \(Chart.shortened(name).escaped)</text>
            """
        }
        let marks = isOverTime ? days : Chart.ticks(xRange).map { ($0, $0.short) }
        let columns = marks.map { value, text in
            """
            <line class="grid" x1="\(x(value).place)" x2="\(x(value).place)" y1="\(Chart.top)" y2="\(bottom)"/>\
            <text class="tick" x="\(x(value).place)" y="\(bottom + 14)" text-anchor="\(anchor(value))">\(text)</text>
            """
        }
        return lines.joined() + columns.joined() + names.joined() + """
            <text class="tick" x="\((left + Chart.right) / 2)" y="\(bottom + 28)" text-anchor="middle">\(xLabel.escaped)</text>\
            <text class="tick" transform="rotate(-90)" x="\(-(Chart.top + bottom) / 2)" y="11" \
            text-anchor="middle">\(yLabel.escaped)</text>
            """
    }

    /// Names that begin alike often end otherwise.
    private static func shortened(_ name: String) -> String {
        name.count > longestName ? name.prefix(longestName / 2) + "…" + name.suffix(longestName / 2 - 1) : name
    }

    /// The ends and the middle of a time, or its one day.
    private var days: [(Double, String)] {
        let (first, last) = (xRange.lowerBound.rounded(.up), xRange.upperBound.rounded(.down))
        return Set([first, ((first + last) / 2).rounded(), last]).sorted().map { day in
            (day, String("\(Timestamp(microseconds: Int64(day) * MonitorWindow.day))".prefix(10)))
        }
    }

    /// Texts at the ends stay within the chart.
    private func anchor(_ value: Double) -> String {
        switch (x(value) - left) / (Chart.right - left) {
        case ..<0.1: "start"
        case 0.9...: "end"
        default: "middle"
        }
    }

    /// Four to six round numbers within a range.
    static func ticks(_ range: ClosedRange<Double>) -> [Double] {
        let rough = (range.upperBound - range.lowerBound) / 5
        guard rough > 0, rough.isFinite else { return [range.lowerBound] }
        let scale = pow(10, log10(rough).rounded(.down))
        let step = scale * ([1, 2, 2.5, 5].last { $0 * scale <= rough * 1.0001 } ?? 1)
        let (first, last) = ((range.lowerBound / step).rounded(.up), (range.upperBound / step + 1e-9).rounded(.down))
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    private func draw(_ series: Series) -> String {
        guard !series.points.isEmpty else { return "" }
        switch series.style {
        case .line, .dashed:
            let style = series.style == .dashed ? " stroke-dasharray=\"5 4\"" : ""
            let dots = series.points.count == 1 ? self.dots(series) : ""
            return "<polyline class=\"line \(series.color)\"\(style) points=\"\(path(series.points))\"/>" + dots
        case .steps:
            let corners = zip(series.points, series.points.dropFirst()).flatMap { [$0, (x: $1.x, y: $0.y)] }
            return "<polyline class=\"line \(series.color)\" points=\"\(path(corners + series.points.suffix(1)))\"/>"
        case .band:
            let above = zip(series.points, series.upper).map { (x: $0.x, y: $1) }
            return "<polygon class=\"band \(series.color)\" points=\"\(path(series.points + above.reversed()))\"/>"
        case .dots: return dots(series)
        case .bars:
            let width = (Chart.right - left) / Double(max(1, series.points.count))
            return series.points.map { point in
                let top = y(point.y)
                return """
                    <rect class="bar \(series.color)" x="\((x(point.x) - width / 2).place)" y="\(top.place)" \
                    width="\(max(0.5, width - 1).place)" height="\((bottom - top).place)"/>
                    """
            }.joined()
        }
    }

    private func dots(_ series: Series) -> String {
        series.points.map {
            "<circle class=\"dot \(series.color)\" cx=\"\(x($0.x).place)\" cy=\"\(y($0.y).place)\" r=\"3\"/>"
        }.joined()
    }

    private func path(_ points: [(x: Double, y: Double)]) -> String {
        points.map { "\(x($0.x).place),\(y($0.y).place)" }.joined(separator: " ")
    }

    /// Two entries a row below the axis, each with a sample of how it is drawn.
    private var legend: String {
        entries.enumerated().map { index, series in
            let x = 52 + Double(index % 2) * 160
            let y = bottom + (xLabel.isEmpty ? 30 : 44) + Double(index / 2) * 15
            let sample =
                switch series.style {
                case .line, .steps:
                    "<polyline class=\"line \(series.color)\" points=\"\(x),\(y - 4) \(x + 16),\(y - 4)\"/>"
                case .dashed:
                    """
                    <polyline class="line \(series.color)" stroke-dasharray="5 4" points="\(x),\(y - 4) \(x + 16),\(y - 4)"/>
                    """
                case .band, .bars:
                    "<rect class=\"band \(series.color)\" x=\"\(x)\" y=\"\(y - 8)\" width=\"16\" height=\"8\"/>"
                case .dots: "<circle class=\"dot \(series.color)\" cx=\"\(x + 8)\" cy=\"\(y - 4)\" r=\"3\"/>"
                }
            return sample + "<text class=\"tick\" x=\"\(x + 20)\" y=\"\(y)\">\(series.name.escaped)</text>"
        }.joined()
    }
}

extension Double {
    /// A coordinate with one decimal.
    fileprivate var place: String { "\((self * 10).rounded() / 10)" }
}

extension String {
    /// As text or attribute of HTML and SVG.
    var escaped: String {
        replacingScalars { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: nil
            }
        }
    }
}
