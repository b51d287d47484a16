import Foundation

/// A file that is there in whole or not at all, or standard output.
public final class ExportFile {
    private let path: String?
    private let partial: String
    private let handle: FileHandle

    /// `path` is nil for standard output. Until `finish` the rows stand in a file beside it.
    public init(path: String?) throws {
        self.path = path
        partial = (path ?? "") + ".partial-" + UUID().uuidString.prefix(8).lowercased()
        guard path != nil else {
            handle = .standardOutput
            return
        }
        guard FileManager.default.createFile(atPath: partial, contents: nil),
            let handle = FileHandle(forWritingAtPath: partial)
        else { throw OperationError("\(partial) cannot be written: is its folder there and yours?") }
        self.handle = handle
    }

    func write(_ text: String) throws {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            throw OperationError("\(path ?? "standard output") cannot be written: is the disk full?")
        }
    }

    /// Gives the file its name, once everything in it is on the disk.
    public func finish() throws {
        guard let path else { return }
        do {
            try handle.synchronize()
            try handle.close()
        } catch {
            throw OperationError("\(path) cannot be written: is the disk full?")
        }
        guard rename(partial, path) == 0 else { throw OperationError("\(path) cannot be replaced (errno \(errno))") }
    }

    /// Removes what was written, after a failure.
    public func discard() {
        guard path != nil else { return }
        unlink(partial)
    }
}
