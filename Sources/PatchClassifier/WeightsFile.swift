import Glibc

extension Weights {
    /// Reads the file at `path`; anything but a regular file of at most `maximumBytes` is refused before it is read.
    public static func read(path: String) throws(WeightsError) -> Weights {
        let bytes = try bytes(ofFileAt: path)
        do {
            return try Weights(contentsOf: bytes)
        } catch {
            throw WeightsError(error.code, "\(path): \(error.message)")
        }
    }

    /// The file as it is, for whoever keeps its digest beside the weights.
    public static func bytes(ofFileAt path: String) throws(WeightsError) -> [UInt8] {
        // Without O_NONBLOCK opening a pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(path, errno) }
        defer { close(descriptor) }
        let size = try regularFileSize(descriptor, path: path)
        return try readAll(descriptor, size: size, path: path)
    }

    private static func regularFileSize(_ descriptor: Int32, path: String) throws(WeightsError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw WeightsError(.unreadable, "\(path): this is not a file, a file of weights was expected")
        }
        guard status.st_size <= maximumBytes else {
            throw WeightsError(
                .tooLarge, "\(path): the file is \(status.st_size) bytes, at most \(maximumBytes) were expected")
        }
        return Int(status.st_size)
    }

    private static func readAll(_ descriptor: Int32, size: Int, path: String) throws(WeightsError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: filled), size - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path, errno) }
            guard count > 0 else {
                throw WeightsError(.truncated, "\(path): the file shrank to \(filled) bytes while it was read")
            }
            filled += count
        }
        return bytes
    }

    private static func unreadable(_ path: String, _ number: Int32) -> WeightsError {
        WeightsError(.unreadable, "\(path): the file cannot be read (\(String(cString: strerror(number))))")
    }
}
