import Foundation
import Glibc

@testable import MessageBroker

/// What the broker or the socket said instead of the expected answer.
struct WireTrouble: Error, CustomStringConvertible {
    let description: String
}

/// Publishes bytes that no AMQP library would let through: header tables and short strings go out as they are given.
final class WirePublisher {
    private let socket: Int32
    private var frameLimit = 131_072
    private var published: UInt64 = 0
    private var confirmed: Set<UInt64> = []

    /// Connects, logs in, opens a channel and asks for confirms.
    init(url: String) throws {
        let parts = try URLParts(url)
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try connect(port: UInt16(parts.port))
        try write(Array("AMQP".utf8) + [0, 0, 9, 1])
        _ = try expect(10, 10)
        try send(10, 11) { writer in
            writer.longBytes([])  // client properties
            writer.shortBytes("PLAIN".utf8)
            writer.longBytes([0] + Array(parts.user.utf8) + [0] + Array(parts.password.utf8))
            writer.shortBytes("en_US".utf8)
        }
        var tuning = WireReader(try expect(10, 30)[...])
        guard let channels = tuning.integer(UInt16.self), let limit = tuning.integer(UInt32.self) else {
            throw WireTrouble(description: "the broker's tuning is cut")
        }
        frameLimit = Int(limit)
        try send(10, 31) {
            $0.integer(channels); $0.integer(limit); $0.integer(UInt16(0))
        }
        try send(10, 40) {
            $0.shortBytes(parts.virtualHost.utf8); $0.integer(UInt16(0))
        }
        _ = try expect(10, 41)
        try send(20, 10, channel: 1) { $0.shortBytes("".utf8) }
        _ = try expect(20, 11)
        try send(85, 10, channel: 1) { $0.integer(UInt8(0)) }
        _ = try expect(85, 11)
    }

    deinit { close(socket) }

    /// Publishes to an exchange, and returns before the broker confirms it.
    func publish(_ properties: [UInt8], body: [UInt8], exchange: String, routingKey: String) throws {
        try send(60, 40, channel: 1) { writer in
            writer.integer(UInt16(0))
            writer.shortBytes(exchange.utf8)
            writer.shortBytes(routingKey.utf8)
            writer.integer(UInt8(0))
        }
        var header = WireWriter()
        header.integer(UInt16(60))
        header.integer(UInt16(0))
        header.integer(UInt64(body.count))
        header.append(properties)
        try frame(2, channel: 1, header.bytes)
        for start in stride(from: 0, to: body.count, by: frameLimit - 8) {
            try frame(3, channel: 1, Array(body[start..<min(start + frameLimit - 8, body.count)]))
        }
        published += 1
    }

    /// Waits until the broker has taken everything that was published.
    func waitForConfirms() throws {
        while confirmed.count < Int(published) {
            var method = WireReader(try expect(60, 80)[...])
            guard let tag = method.integer(UInt64.self), let flags = method.integer(UInt8.self) else {
                throw WireTrouble(description: "the broker's confirm is cut")
            }
            confirmed.formUnion(flags & 1 != 0 ? 1...tag : tag...tag)
        }
    }

    /// Asks for direct replies to whatever is published from now on with `reply_to` `amq.rabbitmq.reply-to`.
    func consumeReplies() throws {
        try send(60, 20, channel: 1) { writer in
            writer.integer(UInt16(0))
            writer.shortBytes("amq.rabbitmq.reply-to".utf8)
            writer.shortBytes("".utf8)
            writer.integer(UInt8(2))  // no acknowledgements
            writer.integer(UInt32(0))
        }
        _ = try expect(60, 21)
    }

    /// Waits until a reply begins to arrive.
    func waitForReply() throws { _ = try expect(60, 60) }

    // MARK: Frames

    private func send(_ family: UInt16, _ method: UInt16, channel: UInt16 = 0, _ body: (inout WireWriter) -> Void)
        throws
    {
        var writer = WireWriter()
        writer.integer(family)
        writer.integer(method)
        body(&writer)
        try frame(1, channel: channel, writer.bytes)
    }

    private func frame(_ kind: UInt8, channel: UInt16, _ payload: [UInt8]) throws {
        var writer = WireWriter()
        writer.integer(kind)
        writer.integer(channel)
        writer.longBytes(payload)
        writer.integer(UInt8(0xCE))
        try write(writer.bytes)
    }

    /// The arguments of the next method, which has to be this one.
    private func expect(_ family: UInt16, _ method: UInt16) throws -> [UInt8] {
        var head = WireReader(try read(7)[...])
        guard head.take(3) != nil, let size = head.integer(UInt32.self) else {
            throw WireTrouble(description: "the broker's frame is cut")
        }
        let payload = try read(Int(size) + 1).dropLast()
        let expected = [UInt8(family >> 8), UInt8(family & 255), UInt8(method >> 8), UInt8(method & 255)]
        guard payload.starts(with: expected) else {
            throw WireTrouble(
                description: "\(family).\(method) was expected: \(String(decoding: payload, as: UTF8.self))")
        }
        return Array(payload.dropFirst(4))
    }

    // MARK: The socket

    private func connect(port: UInt16) throws {
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let answer = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard answer == 0 else { throw WireTrouble(description: "no connection to port \(port)") }
    }

    private func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw WireTrouble(description: "the broker takes no more bytes (errno \(errno))") }
            rest = rest.dropFirst(count)
        }
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let more = bytes.withUnsafeMutableBytes {
                recv(socket, $0.baseAddress.map { $0 + filled }, count - filled, 0)
            }
            guard more > 0 else { throw WireTrouble(description: "the broker sends no more bytes (errno \(errno))") }
            filled += more
        }
        return bytes
    }
}
