import Foundation
import Glibc
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

/// The patches that a person named, and what of it is none; the one does not stand in the way of the other.
public struct PatchFiles: Sendable {
    /// A path, and why there is nothing to take from it.
    public struct Problem: Sendable, Equatable {
        public let path: String
        public let sentence: String
    }

    public private(set) var files: [String] = []
    public private(set) var problems: [Problem] = []

    /// Files as they are named, folders by the PNG files anywhere in them, in the order of their paths. Links are
    /// followed.
    public init(_ paths: [String]) {
        for path in paths {
            switch FileIdentity.look(at: path) {
            case .missing(let errno): problems.append(Problem(path: path, sentence: PatchFiles.sentence(errno)))
            case .file: files.append(path)
            case .folder(let folder): take(FolderWalk(path, folder), of: path)
            }
        }
    }

    private mutating func take(_ walk: FolderWalk, of path: String) {
        files += walk.patches.sorted()
        problems += walk.unreadable.sorted().map { Problem(path: $0, sentence: "cannot be read") }
        guard walk.patches.isEmpty, walk.unreadable.isEmpty else { return }
        let found =
            walk.otherKinds.isEmpty
            ? "it is empty" : "it holds \(walk.otherKinds.sorted().prefix(5).joined(separator: ", "))"
        problems.append(
            Problem(
                path: path,
                sentence:
                    "holds no PNG file (\(found)): patches are 96x96 PNG, and a conversion from a lossy format is "
                    + "not what the model was trained on"))
    }

    private static func sentence(_ number: Int32) -> String {
        switch number {
        case ENOENT, ENOTDIR: "does not exist"
        case ELOOP: "is a link that leads back to itself"
        default: "cannot be read"
        }
    }
}

/// What a path leads to, and by what two paths to one folder are told to be the same.
private struct FileIdentity: Hashable {
    let device: UInt64
    let inode: UInt64

    enum Look {
        case file
        case folder(FileIdentity)
        case missing(errno: Int32)
    }

    /// Follows links.
    static func look(at path: String) -> Look {
        var status = stat()
        guard stat(path, &status) == 0 else { return .missing(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return .file }
        return .folder(FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
    }
}

/// Everything below a folder. One that links lead to more than once, or back to, is walked once.
private struct FolderWalk {
    private(set) var patches: [String] = []
    private(set) var unreadable: [String] = []
    /// Endings of the files that are no PNG, as in `.jpg`.
    private(set) var otherKinds: Set<String> = []
    private var walked: Set<FileIdentity> = []

    init(_ path: String, _ identity: FileIdentity) { walk(path, identity) }

    private mutating func walk(_ folder: String, _ identity: FileIdentity) {
        guard walked.insert(identity).inserted else { return }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            unreadable.append(folder)
            return
        }
        for name in names.sorted() {
            let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
            switch FileIdentity.look(at: path) {
            case .folder(let below): walk(path, below)
            // What cannot be looked at is told when it is to be read.
            case .file, .missing: note(path, name)
            }
        }
    }

    private mutating func note(_ path: String, _ name: String) {
        if name.lowercased().hasSuffix(".png") { return patches.append(path) }
        let parts = name.split(separator: ".")
        if parts.count > 1, let kind = parts.last { otherKinds.insert(".\(kind)") }
    }
}
