import Foundation
public import MessageBroker

/// Reads the CSV file that lists patches: column `path` (relative to the file), every other column a header.
///
/// What a worker would refuse is refused here, with its line, before anything is sent.
public struct PatchManifest {
    private let path: String
    private let table: CSVTable

    /// Columns that become headers of other kinds than text.
    private static let integers: Set<String> = ["x", "y", "level"]

    /// - Throws: `OperationError` for a file that is no such list.
    public init(_ path: String) throws {
        self.path = path
        table = try CSVTable.read(path)
        try checkColumns()
        guard !table.rows.isEmpty else {
            throw OperationError("\(path) lists no patch: a line for each is expected below the header")
        }
    }

    /// The patches, in the order of the lines. Empty fields are left out. `common` are headers for patches whose row
    /// says nothing else.
    public func patches(common: [Field]) throws -> [PatchFile] {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        return try table.rows.map { row in
            let headers = try headers(row)
            let named = Set(headers.map(\.name))
            let all = headers + common.filter { !named.contains($0.name) }
            if let problem = PatchManifest.problem(in: all) { throw fault(row, problem) }
            let file = try file(row)
            return PatchFile(path: file.hasPrefix("/") ? file : folder + "/" + file, headers: all)
        }
    }

    /// Why a worker would refuse a patch with these headers, or nil.
    public static func problem(in headers: [Field]) -> String? {
        do throws(Refusal) {
            _ = try MetadataReader(attributesAllowed: nil).read(headers, timestamp: nil)
            return nil
        } catch {
            return error.explanation
        }
    }

    /// A known name in other letters would silently become an attribute.
    private func checkColumns() throws(OperationError) {
        guard table.header.contains(where: { PatchManifest.plain($0) == "path" }) else {
            throw OperationError("\(path) has no column path: a header such as path,slide_id,x,y is expected")
        }
        var seen: Set<String> = []
        for name in table.header {
            let plain = PatchManifest.plain(name)
            if name != plain, plain == "path" || MetadataReader.names.contains(plain) {
                throw OperationError("\(path) has a column '\(name)': write it as \(plain)")
            }
            guard seen.insert(name).inserted else {
                throw OperationError("\(path) has two columns \(name): one is expected")
            }
        }
    }

    private static func plain(_ name: String) -> String { name.trimmingCharacters(in: .whitespaces).lowercased() }

    private func file(_ row: CSVTable.Row) throws(OperationError) -> String {
        let file = zip(table.header, row.fields).first { $0.0 == "path" }?.1 ?? ""
        guard !file.isEmpty else { throw fault(row, "path is empty: the name of a PNG file is expected") }
        return file
    }

    private func headers(_ row: CSVTable.Row) throws -> [Field] {
        try zip(table.header, row.fields).compactMap { name, text in
            if name == "path" || text.isEmpty { return nil }
            return Field(name, try value(text, of: name, row))
        }
    }

    private func value(_ text: String, of name: String, _ row: CSVTable.Row) throws(OperationError) -> FieldValue {
        if PatchManifest.integers.contains(name) {
            guard let number = Int64(text) else { throw fault(row, "\(name) is \(text), and an integer is expected") }
            return .int(number)
        }
        if name == "mpp" {
            guard let number = Double(text), number.isFinite else {
                throw fault(row, "mpp is \(text), and a number is expected")
            }
            return .double(number)
        }
        return .text(text)
    }

    private func fault(_ row: CSVTable.Row, _ what: String) -> OperationError {
        OperationError("\(path), line \(row.line): \(what)")
    }
}
