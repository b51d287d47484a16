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
    /// Text of the ends of the x axis, where they are no numbers.
    var xEnds: (String, String)?
    /// Texts within the chart, at a level of y; with them the y axis has no numbers.
    var labels: [(y: Double, text: String)] = []
    /// Texts below the x axis, each with a line, instead of its ends.
    var xMarks: [(x: Double, text: String)] = []
    var series: [Series] = []

    private static let (width, height) = (360.0, 230.0)
    private static let (left, right, top, bottom) = (52.0, 350.0, 12.0, 178.0)

    var svg: String {
        """
        <svg viewBox="0 0 \(Int(Chart.width)) \(Int(Chart.height))" role="img" aria-label="\(title.escaped)">
        \(axes)\(series.map(draw).joined())\(legend)</svg>
        """
    }

    private func x(_ value: Double) -> Double {
        let share = (value - xRange.lowerBound) / max(xRange.upperBound - xRange.lowerBound, .leastNormalMagnitude)
        return Chart.left + min(max(share, 0), 1) * (Chart.right - Chart.left)
    }

    private func y(_ value: Double) -> Double {
        let share = (value - yRange.lowerBound) / max(yRange.upperBound - yRange.lowerBound, .leastNormalMagnitude)
        return Chart.bottom - min(max(share, 0), 1) * (Chart.bottom - Chart.top)
    }

    private var axes: String {
        let middle = (yRange.lowerBound + yRange.upperBound) / 2
        let levels = (labels.isEmpty ? [yRange.lowerBound, middle, yRange.upperBound] : [yRange.lowerBound]).map {
            level in
            """
            <line class="grid" x1="\(Chart.left)" x2="\(Chart.right)" y1="\(y(level).place)" y2="\(y(level).place)"/>\
            <text class="tick" x="\(Chart.left - 4)" y="\((y(level) + 4).place)" text-anchor="end">\
            \(labels.isEmpty ? level.short : "")</text>
            """
        }
        let texts = labels.map {
            "<text class=\"tick\" x=\"\(Chart.left + 2)\" y=\"\((y($0.y) + 4).place)\">\($0.text.escaped)</text>"
        }
        let marks = xMarks.map { mark in
            """
            <line class="grid" x1="\(x(mark.x).place)" x2="\(x(mark.x).place)" y1="\(Chart.top)" y2="\(Chart.bottom)"/>\
            <text class="tick" x="\(x(mark.x).place)" y="192" text-anchor="middle">\(mark.text.escaped)</text>
            """
        }
        let ends = xMarks.isEmpty ? xEnds ?? (xRange.lowerBound.short, xRange.upperBound.short) : ("", "")
        return levels.joined() + marks.joined() + texts.joined() + """
            <text class="tick" x="\(Chart.left)" y="192" text-anchor="start">\(ends.0.escaped)</text>\
            <text class="tick" x="\(Chart.right)" y="192" text-anchor="end">\(ends.1.escaped)</text>\
            <text class="tick" x="\((Chart.left + Chart.right) / 2)" y="192" text-anchor="middle">\(xLabel.escaped)</text>\
            <text class="tick" transform="rotate(-90)" x="\(-(Chart.top + Chart.bottom) / 2)" y="11" \
            text-anchor="middle">\(yLabel.escaped)</text>
            """
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
            let width = (Chart.right - Chart.left) / Double(max(1, series.points.count))
            return series.points.map { point in
                let top = y(point.y)
                return """
                    <rect class="bar \(series.color)" x="\((x(point.x) - width / 2).place)" y="\(top.place)" \
                    width="\(max(0.5, width - 1).place)" height="\((Chart.bottom - top).place)"/>
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

    /// Two entries a row below the axis.
    private var legend: String {
        series.filter { !$0.name.isEmpty && !$0.points.isEmpty }.enumerated().map { index, series in
            let (left, top) = (Chart.left + Double(index % 2) * 160, 208 + Double(index / 2) * 15)
            return """
                <rect class="key \(series.color) \(series.style.rawValue)" x="\(left)" y="\(top - 8)" width="12" height="8"/>\
                <text class="tick" x="\(left + 16)" y="\(top)">\(series.name.escaped)</text>
                """
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
        replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
