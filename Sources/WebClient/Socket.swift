import Glibc

/// A TCP connection all of whose steps end by one deadline.
final class Socket {
    let descriptor: Int32
    private let deadline: ContinuousClock.Instant

    init(host: String, port: UInt16, within seconds: Double) throws(PostError) {
        deadline = .now + .seconds(seconds)
        descriptor = try Socket.connect(host, port, by: deadline)
    }

    deinit { close(descriptor) }

    /// Tries the host's addresses one after the other; each gets its share of the time that is left.
    private static func connect(_ host: String, _ port: UInt16, by deadline: ContinuousClock.Instant) throws(PostError)
        -> Int32
    {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { throw .unknownHost }
        defer { freeaddrinfo(list) }
        let addresses = list.map { Array(sequence(first: $0.pointee) { $0.ai_next?.pointee }) } ?? []
        var failure = PostError.unknownHost
        for (number, address) in addresses.enumerated() {
            let share = (deadline - .now) / (addresses.count - number)
            do throws(PostError) {
                return try Socket.connect(address, by: .now + share)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func connect(_ address: addrinfo, by deadline: ContinuousClock.Instant) throws(PostError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ai_family, kind, address.ai_protocol)
        guard descriptor >= 0 else { throw .unreachable(errno) }
        do throws(PostError) {
            if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
                guard errno == EINPROGRESS else { throw .unreachable(errno) }
                try wait(descriptor, POLLOUT, by: deadline)
            }
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code == 0 else {
                throw .unreachable(code)
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Waits until the socket can be read from (`POLLIN`) or written to (`POLLOUT`).
    func wait(_ event: Int32) throws(PostError) { try Socket.wait(descriptor, event, by: deadline) }

    private static func wait(_ descriptor: Int32, _ event: Int32, by deadline: ContinuousClock.Instant)
        throws(PostError)
    {
        var wanted = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        while true {
            let left = ((deadline - .now) / .milliseconds(1)).rounded(.up)
            guard left > 0 else { throw .timedOut }
            let ready = poll(&wanted, 1, Int32(left))
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw .broken(errno) }
        }
    }
}
