@preconcurrency import Glibc

/// What commands print goes through a buffer of the C library.
enum StandardOutput {
    /// Writes what waits in the buffer. False where anything printed so far did not arrive, on a full disk for example.
    static func isWritten() -> Bool { fflush(stdout) == 0 && ferror(stdout) == 0 }
}
