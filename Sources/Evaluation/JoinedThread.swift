import Foundation

/// A thread that is waited for to its very end.
///
/// What libraries keep for a thread is freed as it ends, and by OpenSSL also when the process exits: a process that exits
/// while one is still ending frees it twice.
struct JoinedThread {
    private let handle: pthread_t

    /// Runs `body` on a new thread. The name has at most 15 bytes; `stackSize` is in bytes, nil for the system's default.
    ///
    /// - Throws: `ThreadError` where there is no memory for another one, or no leave.
    init(named name: String, stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        defer {
            pthread_attr_destroy(attributes)
            attributes.deallocate()
        }
        if let stackSize { pthread_attr_setstacksize(attributes, stackSize) }
        let work = Unmanaged.passRetained(Work(name: name, body: body))
        var handle = pthread_t()
        let code = pthread_create(
            &handle, attributes,
            { work in
                guard let work else { return nil }
                Unmanaged<Work>.fromOpaque(work).takeRetainedValue().run()
                return nil
            }, work.toOpaque())
        guard code == 0 else {
            work.release()
            throw ThreadError(code: code)
        }
        self.handle = handle
    }

    /// Waits until the thread has ended; called once.
    func join() {
        pthread_join(handle, nil)
    }

    private final class Work {
        private let name: String
        private let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) { (self.name, self.body) = (name, body) }

        func run() {
            Thread.current.name = name
            body()
        }
    }
}

/// Why no thread could be started.
struct ThreadError: Error, CustomStringConvertible {
    let code: Int32
    var description: String { "no thread can be started: \(String(cString: strerror(code)))" }
}
