/// A table of the page; every chart has its numbers in one.
struct ReportTable {
    let columns: [String]
    var rows: [[String]]

    var html: String {
        guard !rows.isEmpty else { return "" }
        let head = columns.map { "<th scope=\"col\">\($0.escaped)</th>" }.joined()
        let body = rows.map { row in
            "<tr>" + zip(columns, row).map { "<td data-column=\"\($0.escaped)\">\($1.escaped)</td>" }.joined() + "</tr>"
        }.joined(separator: "\n")
        return "<div class=\"scroll\"><table><thead><tr>\(head)</tr></thead><tbody>\n\(body)\n</tbody></table></div>"
    }

    var json: JSONText {
        .array(rows.map { row in .object(zip(columns, row).map { ($0, .string($1)) }) })
    }
}

/// A part of the report: a chart or a table, or both, with a sentence.
struct ReportPart {
    let title: String
    var words = ""
    var chart: Chart?
    var table: ReportTable
    /// Pictures, as PNG bytes, with what stands below each.
    var pictures: [(png: [UInt8], caption: String)] = []
    /// Whether the table is the part, and not the numbers behind it.
    var isTable = false

    var json: (String, JSONText) {
        (title, .object([("words", .string(words)), ("numbers", table.json)]))
    }

    var html: String {
        let drawing = chart?.svg ?? ""
        let words = words.isEmpty ? "" : "<p>\(words.escaped)</p>"
        let numbers =
            isTable
            ? table.html
            : table.rows.isEmpty ? "" : "<details><summary>Numbers</summary>\(table.html)</details>"
        let shown = pictures.map { picture in
            """
            <figure><img alt="patch" width="96" height="96" src="data:image/png;base64,\(base64(picture.png))">\
            <figcaption>\(picture.caption.escaped)</figcaption></figure>
            """
        }.joined()
        let gallery = shown.isEmpty ? "" : "<div class=\"gallery\">\(shown)</div>"
        return """
            <section class="\(isTable || !pictures.isEmpty ? "wide" : "")"><h3>\(title.escaped)</h3>\(words)\(drawing)\
            \(gallery)\(numbers)</section>
            """
    }
}
