import Foundation

/// Files of patches with their labels, as a person laid them out; none of them is opened yet.
struct LabelledList {
    struct Entry {
        let path: String
        let id: String
        let isTumor: Bool
        var slide: String?
        var source = PatchSource()
    }

    let entries: [Entry]

    /// A CSV file with a line a patch, or a folder that holds a folder for each class.
    init(_ path: String, images: String?) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw OperationError("\(path) does not exist")
        }
        entries = try isFolder.boolValue ? LabelledList.classFolders(in: path) : LabelledList.rows(of: path, images)
    }

    // MARK: Folders

    /// Names of a class's folder, in small letters.
    private static let folders: [(names: Set<String>, isTumor: Bool)] = [
        (["0", "normal", "negative", "benign", "no_tumor"], false),
        (["1", "tumor", "tumour", "positive", "metastasis"], true),
    ]

    private static func classFolders(in path: String) throws -> [Entry] {
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        let found = folders.map { kind in
            (names: names.filter { kind.names.contains($0.lowercased()) }, isTumor: kind.isTumor)
        }
        guard found.allSatisfy({ $0.names.count == 1 }) else {
            throw OperationError(
                "\(path) holds no two folders of classes: one named normal (or 0) and one named tumor (or 1) are expected, "
                    + "or name the CSV file that lists the patches")
        }
        return try found.flatMap { kind in
            let folder = path + "/" + kind.names[0]
            let files = PatchFiles([folder])
            if let problem = files.problems.first { throw OperationError("\(problem.path) \(problem.sentence)") }
            return files.files.map { file in
                Entry(
                    path: file, id: URL(filePath: file).deletingPathExtension().lastPathComponent, isTumor: kind.isTumor
                )
            }
        }
    }

    // MARK: Lists

    private static func rows(of path: String, _ images: String?) throws -> [Entry] {
        let table = try CSVTable.read(path)
        let columns = Dictionary(
            table.header.enumerated().map { ($1.trimmingCharacters(in: .whitespaces).lowercased(), $0) },
            uniquingKeysWith: { first, _ in first })
        guard let label = columns["label"], columns["id"] != nil || columns["path"] != nil else {
            throw OperationError(
                "\(path) has no columns id and label: a header such as id,label,slide_id,site is expected")
        }
        let base = URL(filePath: path)
        let folder = images ?? imageFolder(beside: base)
        var lines: [String: Int] = [:]
        return try table.rows.map { row in
            func field(_ name: String) -> String? {
                columns[name].map { row.fields[$0] }.flatMap { $0.isEmpty ? nil : $0 }
            }
            guard let name = field("id") ?? field("path") else {
                throw OperationError("\(path), line \(row.line): id is empty: the name of a patch is expected")
            }
            if let first = lines.updateValue(row.line, forKey: name) {
                throw OperationError("\(path), line \(row.line): \(name) stands on line \(first) already")
            }
            guard let isTumor = isTumor(row.fields[label]) else {
                throw OperationError(
                    "\(path), line \(row.line): label is '\(row.fields[label])', and 0 or normal, or 1 or tumor is expected"
                )
            }
            let file = field("path") ?? name + ".png"
            return Entry(
                path: file.hasPrefix("/") ? file : folder + "/" + file, id: name, isTumor: isTumor,
                slide: field("slide_id"),
                source: PatchSource(site: field("site"), scanner: field("scanner"), stain: field("stain")))
        }
    }

    /// `train.csv` has its patches in `train/` where that is there, else beside it.
    private static func imageFolder(beside list: URL) -> String {
        let folder = list.deletingPathExtension().path
        return FileManager.default.fileExists(atPath: folder) ? folder : list.deletingLastPathComponent().path
    }

    private static func isTumor(_ label: String) -> Bool? {
        switch label.trimmingCharacters(in: .whitespaces).lowercased() {
        case "0", "normal": false
        case "1", "tumor", "tumour": true
        default: nil
        }
    }
}
