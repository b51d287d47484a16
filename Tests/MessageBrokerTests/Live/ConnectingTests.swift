import Foundation
import Synchronization
import Testing

@testable import MessageBroker

@Suite(.needsBroker) struct ConnectingTests {
    private func failure(_ settings: BrokerSettings) throws -> BrokerError {
        try #require(throws: BrokerError.self) { _ = try Publisher(settings) }
    }

    /// The stack's URL with one part replaced.
    private static func url(_ variable: String = "SENTINODE_AMQP_URL", _ change: (inout URLComponents) -> Void) throws
        -> String
    {
        var parts = try #require(URLComponents(string: ProcessInfo.processInfo.environment[variable] ?? ""))
        change(&parts)
        return try #require(parts.string)
    }

    @Test func `a wrong password is a lasting error that says so and does not repeat it`() async throws {
        try await LiveBroker.onLaneThread {
            let url = try Self.url { $0.password = "wr0ng" }
            let error = try failure(BrokerSettings(url: url, connectionName: "test"))
            #expect(error.code == 403 && !error.isTransient)
            #expect(error.message.contains("password") && !error.description.contains("wr0ng"))
        }
    }

    @Test func `a missing virtual host is a lasting error that names it`() async throws {
        try await LiveBroker.onLaneThread {
            let url = try Self.url { $0.path = "/no-such-vhost" }
            let error = try failure(BrokerSettings(url: url, connectionName: "test"))
            #expect(error.code == 530 && !error.isTransient && error.message.contains("no-such-vhost"))
        }
    }

    @Test func `a closed port and an unknown host are worth another try`() async throws {
        try await LiveBroker.onLaneThread {
            let closed = try failure(BrokerSettings(url: "amqp://u:p@127.0.0.1:1", connectionName: "test"))
            #expect(closed.isTransient && closed.operation.contains("127.0.0.1:1"))
            let unknown = try failure(BrokerSettings(url: "amqp://u:p@no-such-host.invalid", connectionName: "test"))
            #expect(unknown.isTransient && unknown.message.contains("no-such-host.invalid"))
        }
    }

    @Test func `a server that accepts and says nothing is given up`() async throws {
        try await LiveBroker.onLaneThread {
            let server = try SilentServer()
            let url = "amqp://u:p@127.0.0.1:\(server.port)"
            let isTransient = Mutex<Bool?>(nil)
            LiveBroker.beside {
                let error = try failure(BrokerSettings(url: url, connectTimeout: 0.5, connectionName: "test"))
                isTransient.withLock { $0 = error.isTransient }
            }
            #expect(LiveBroker.eventually { isTransient.withLock { $0 } == true })
            withExtendedLifetime(server) {}
        }
    }

    @Test func `plain AMQP on the TLS port and TLS on the plain port are told apart from an outage`() async throws {
        try await LiveBroker.onLaneThread {
            let securePort = try BrokerSettings(url: Self.url("SENTINODE_AMQPS_URL") { _ in }, connectionName: "").port
            let plainPort = try BrokerSettings(url: Self.url { _ in }, connectionName: "").port
            let plainOnSecure = try Self.url { $0.port = securePort }
            #expect(throws: BrokerError.self) {
                _ = try Publisher(BrokerSettings(url: plainOnSecure, connectTimeout: 2, connectionName: "test"))
            }
            let secureOnPlain = try Self.url("SENTINODE_AMQPS_URL") { $0.port = plainPort }
            let error = try failure(BrokerSettings(url: secureOnPlain, connectTimeout: 2, connectionName: "test"))
            #expect(error.message.contains("TLS") && !error.isTransient)
        }
    }
}

/// Listens on a free port of loopback and never answers.
private final class SilentServer {
    let port: Int
    private let descriptor: Int32

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isOpen = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        try #require(isOpen)
    }

    deinit { close(descriptor) }
}
