import Foundation

/// Rows of a CSV text with a header line (RFC 4180: fields may be quoted, a quote inside is doubled).
///
/// Fields are separated by what separates the names of the header line: commas, or semicolons or tabs, as spreadsheets
/// write them where a comma is the decimal mark.
public struct CSVTable: Sendable {
    public struct Row: Sendable {
        /// Line on which the row begins, from 1.
        public let line: Int
        public let fields: [String]
    }

    public let header: [String]
    public let rows: [Row]

    /// - Throws: `OperationError` naming the line that is not CSV, or that has another number of fields than the header.
    public init(_ text: String) throws(OperationError) {
        var rows: [Row] = []
        var scanner = try CSVScanner(text)
        while let row = try scanner.next() {
            if row.fields != [""] { rows.append(row) }
        }
        guard let first = rows.first else { throw OperationError("line 1: a header line is expected") }
        header = first.fields
        for row in rows.dropFirst() where row.fields.count != header.count {
            throw OperationError(
                "line \(row.line) has \(row.fields.count) fields: \(header.count) are expected, as in the header")
        }
        self.rows = Array(rows.dropFirst())
    }
}

extension CSVTable {
    /// A CSV file.
    ///
    /// - Throws: `OperationError` naming the file, and the line where one is to blame.
    static func read(_ path: String) throws(OperationError) -> CSVTable {
        guard FileManager.default.fileExists(atPath: path) else { throw OperationError("\(path) does not exist") }
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw OperationError("\(path) cannot be read as UTF-8 text")
        }
        do {
            return try CSVTable(text)
        } catch {
            throw OperationError("\(path), \(error.description)")
        }
    }

    /// A field as it stands in a CSV file.
    static func quoted(_ field: String) -> String {
        // By bytes: as a Character, a line feed is not found in a line break of two.
        guard field.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return field }
        return "\"" + field.replacingScalars { $0 == "\"" ? "\"\"" : nil } + "\""
    }
}

/// What stands between two fields.
private enum CSVSeparator: UInt8, CaseIterable {
    case comma = 0x2c
    case semicolon = 0x3b
    case tab = 0x09

    /// The one that the header line has outside of quotes; a comma where it has none, because it names one column.
    init(inHeaderOf bytes: some Sequence<UInt8>) throws(OperationError) {
        var found: Set<UInt8> = []
        var isQuoted = false
        for byte in bytes.drop(while: { "\r\n".utf8.contains($0) }) {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted { continue }
            if "\r\n".utf8.contains(byte) { break }
            found.insert(byte)
        }
        let candidates = CSVSeparator.allCases.filter { found.contains($0.rawValue) }
        guard candidates.count < 2 else {
            throw OperationError(
                "the header line has a \(candidates[0]) and a \(candidates[1]) outside of quotes: one kind of separator "
                    + "is expected")
        }
        self = candidates.first ?? .comma
    }
}

/// Walks over CSV text, byte by byte: every delimiter is ASCII.
private struct CSVScanner {
    private let bytes: [UInt8]
    private let separator: CSVSeparator
    private var position: Int
    private var line = 1

    /// - Throws: `OperationError` where the header line does not tell the separator.
    init(_ text: String) throws(OperationError) {
        bytes = Array(text.utf8)
        // A byte order mark, as spreadsheets write it.
        position = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        separator = try CSVSeparator(inHeaderOf: bytes.dropFirst(position))
    }

    mutating func next() throws(OperationError) -> CSVTable.Row? {
        guard position < bytes.count else { return nil }
        let start = line
        var fields: [String] = []
        repeat { fields.append(try field(startedOn: start)) } while take(separator.rawValue)
        _ = take(UInt8(ascii: "\r"))
        guard position == bytes.count || take(UInt8(ascii: "\n")) else {
            throw OperationError(
                "line \(line): a \(separator) or the end of the line is expected behind a quoted field")
        }
        line += 1
        return CSVTable.Row(line: start, fields: fields)
    }

    private mutating func field(startedOn start: Int) throws(OperationError) -> String {
        var content: [UInt8] = []
        if take(UInt8(ascii: "\"")) {
            while true {
                guard position < bytes.count else { throw OperationError("line \(start): a quote is never closed") }
                let byte = bytes[position]
                position += 1
                if byte == UInt8(ascii: "\""), !take(byte) { break }
                if byte == UInt8(ascii: "\n") { line += 1 }
                content.append(byte)
            }
        } else {
            while position < bytes.count, !isEndOfField(bytes[position]) {
                content.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: content, as: UTF8.self)
    }

    private func isEndOfField(_ byte: UInt8) -> Bool {
        byte == separator.rawValue || "\r\n".utf8.contains(byte)
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }
}
