import Foundation

/// Labels of a CSV file: `job_id,label`, or `slide_id,x,y,label`, in any order of columns.
struct LabelTable {
    /// Which patch a row speaks of.
    enum Patch: Hashable {
        case job(UUID)
        /// Left and top edge in full-resolution pixels.
        case place(slide: String, x: Int64, y: Int64)
    }

    struct Row {
        let line: Int
        let patch: Patch
        let label: Label
    }

    let rows: [Row]

    /// - Throws: `OperationError` naming the line and the column.
    init(_ text: String, names: LabelNames) throws(OperationError) {
        let table = try CSVTable(text)
        let columns = try Columns(table.header)
        var rows: [Row] = []
        var lines: [Patch: (line: Int, label: Label)] = [:]
        for row in table.rows {
            let name = row.fields[columns.label]
            guard let meaning = names.meaning(of: name) else {
                throw OperationError(
                    "line \(row.line), column label: \(name.prefix(40)) is no label; tumor, normal or unassessable is "
                        + "expected, or say what it means with --class '\(name.prefix(40))=LABEL'")
            }
            guard case .label(let label) = meaning else { continue }
            let patch = try columns.patch(row)
            if let before = lines[patch] {
                guard before.label == label else {
                    throw OperationError(
                        "line \(row.line), column label: line \(before.line) says \(before.label) of the same patch")
                }
                continue
            }
            lines[patch] = (row.line, label)
            rows.append(Row(line: row.line, patch: patch, label: label))
        }
        self.rows = rows
    }
}

/// Where the columns stand.
private struct Columns {
    private enum Naming {
        case job(Int)
        case place(slide: Int, x: Int, y: Int)
    }

    let label: Int
    private let naming: Naming

    init(_ header: [String]) throws(OperationError) {
        let expected = "job_id,label or slide_id,x,y,label is expected"
        let positions = Dictionary(header.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
        guard positions.count == header.count else { throw OperationError("line 1 names a column twice: \(expected)") }
        guard let label = positions["label"] else { throw OperationError("line 1 has no column label: \(expected)") }
        self.label = label
        if let job = positions["job_id"], header.count == 2 {
            naming = .job(job)
        } else if let slide = positions["slide_id"], let x = positions["x"], let y = positions["y"], header.count == 4 {
            naming = .place(slide: slide, x: x, y: y)
        } else {
            throw OperationError("line 1 has other columns: \(expected)")
        }
    }

    func patch(_ row: CSVTable.Row) throws(OperationError) -> LabelTable.Patch {
        switch naming {
        case .job(let column):
            guard let job = UUID(uuidString: row.fields[column]) else {
                throw OperationError("line \(row.line), column job_id: a UUID is expected")
            }
            return .job(job)
        case .place(let slide, let x, let y):
            guard !row.fields[slide].isEmpty else {
                throw OperationError("line \(row.line), column slide_id: it is empty")
            }
            return .place(
                slide: row.fields[slide], x: try coordinate(row, x, "x"), y: try coordinate(row, y, "y"))
        }
    }

    private func coordinate(_ row: CSVTable.Row, _ column: Int, _ name: String) throws(OperationError) -> Int64 {
        guard let value = Int64(row.fields[column]), (0...10_000_000).contains(value) else {
            throw OperationError(
                "line \(row.line), column \(name): a whole number from 0 to 10000000 is expected, full-resolution pixels"
            )
        }
        return value
    }
}
