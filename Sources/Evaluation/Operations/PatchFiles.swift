import Foundation
public import MessageBroker

/// A patch to enqueue: a file, and what is said of it.
public struct PatchFile: Sendable {
    public let path: String
    public let headers: [Field]

    public init(path: String, headers: [Field]) {
        self.path = path
        self.headers = headers
    }
}

/// Finds the patches that a person named.
public enum PatchFiles {
    /// Files as they are named, folders by the PNG files anywhere in them, in the order of their paths.
    public static func find(_ paths: [String]) throws -> [String] {
        try paths.flatMap { path -> [String] in
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw OperationError("\(path) does not exist")
            }
            return isFolder.boolValue ? try pngFiles(in: path) : [path]
        }
    }

    private static func pngFiles(in folder: String) throws -> [String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
        let patches = names.filter { $0.lowercased().hasSuffix(".png") }.sorted()
        guard patches.isEmpty else { return patches.map { folder + "/" + $0 } }
        let kinds = Set(names.compactMap { $0.split(separator: ".").count > 1 ? $0.split(separator: ".").last : nil })
        let found =
            kinds.isEmpty
            ? "it is empty" : "it holds " + kinds.sorted().prefix(5).map { ".\($0)" }.joined(separator: ", ")
        throw OperationError(
            "\(folder) holds no PNG file (\(found)): patches are 96x96 PNG, and a conversion from a lossy format is "
                + "not what the model was trained on")
    }

    /// Columns of a manifest that become headers of other kinds than text.
    private static let integers: Set<String> = ["x", "y", "level"]

    /// The patches that a CSV file lists: column `path` (relative to the file), every other column a header.
    ///
    /// Empty fields are left out. `common` are headers for patches whose row says nothing else.
    public static func manifest(_ path: String, common: [Field]) throws -> [PatchFile] {
        let table: CSVTable
        do {
            table = try CSVTable(String(contentsOfFile: path, encoding: .utf8))
        } catch let error as OperationError {
            throw OperationError("\(path), \(error.description)")
        } catch {
            throw OperationError("\(path) cannot be read as UTF-8 text")
        }
        guard let pathColumn = table.header.firstIndex(of: "path") else {
            throw OperationError("\(path) has no column path: a header such as path,slide_id,x,y is expected")
        }
        let folder = URL(filePath: path).deletingLastPathComponent().path
        return try table.rows.map { row in
            let file = row.fields[pathColumn]
            let headers = try zip(table.header, row.fields).compactMap { name, text -> Field? in
                if name == "path" || text.isEmpty { return nil }
                return Field(name, try value(text, of: name, in: path, line: row.line))
            }
            let named = Set(headers.map(\.name))
            return PatchFile(
                path: file.hasPrefix("/") ? file : folder + "/" + file,
                headers: headers + common.filter { !named.contains($0.name) })
        }
    }

    private static func value(_ text: String, of name: String, in path: String, line: Int) throws -> FieldValue {
        if integers.contains(name) {
            guard let number = Int64(text) else {
                throw OperationError("\(path), line \(line): \(name) is \(text), and an integer is expected")
            }
            return .int(number)
        }
        if name == "mpp" {
            guard let number = Double(text) else {
                throw OperationError("\(path), line \(line): mpp is \(text), and a number is expected")
            }
            return .double(number)
        }
        return .text(text)
    }
}
