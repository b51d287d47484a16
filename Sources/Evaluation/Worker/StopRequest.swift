import Glibc
import Synchronization

/// Asks lanes to stop, and wakes those that wait on a socket. Safe to use from a signal handler's queue.
public final class StopRequest: Sendable {
    private let requested = Atomic<Bool>(false)
    private let firstRequest = Mutex<ContinuousClock.Instant?>(nil)
    private let readEnd: Int32
    private let writeEnd: Int32

    public init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else {
            throw ConfigurationError(["no pipe could be opened (errno \(errno)): raise the limit on open files"])
        }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    public var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Becomes readable once a stop is requested, and stays so: every waiting lane sees it.
    public var wakeDescriptor: Int32 { readEnd }

    /// When a stop was first asked for; nil before that.
    var requestedAt: ContinuousClock.Instant? { firstRequest.withLock { $0 } }

    public func request() {
        firstRequest.withLock { $0 = $0 ?? .now }
        requested.store(true, ordering: .releasing)
        var byte: UInt8 = 1
        // A full pipe is readable already, which is all that a wake needs.
        _ = write(writeEnd, &byte, 1)
    }

    /// Waits at most `seconds`; true as soon as a stop is requested.
    public func wait(seconds: Double) -> Bool {
        var descriptor = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        _ = poll(&descriptor, 1, Int32(min(seconds, 3600) * 1000))
        return isRequested
    }
}
