import Glibc

/// What a request goes through.
protocol Channel {
    func send(_ bytes: [UInt8]) throws(PostError)
    /// What has come, at least a byte; nothing where the other side has closed.
    func receive() throws(PostError) -> [UInt8]
}

/// Bytes read at once at most.
let pieceLength = 4096

/// A connection without encryption.
struct PlainChannel: Channel {
    private let socket: Socket

    init(_ socket: Socket) { self.socket = socket }

    func send(_ bytes: [UInt8]) throws(PostError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent >= 0 { rest = rest.dropFirst(sent) } else { try settle(errno, POLLOUT) }
        }
    }

    func receive() throws(PostError) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: pieceLength)
        while true {
            let count = recv(socket.descriptor, &piece, piece.count, 0)
            if count >= 0 { return Array(piece.prefix(count)) }
            try settle(errno, POLLIN)
        }
    }

    /// Waits where a call only came too early.
    private func settle(_ code: Int32, _ event: Int32) throws(PostError) {
        switch code {
        case EINTR: break
        case EAGAIN: try socket.wait(event)
        default: throw .broken(code)
        }
    }
}
