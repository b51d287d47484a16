import Foundation
import Testing

@testable import MessageBroker

@Suite(
    .needsBroker,
    .enabled(
        if: ProcessInfo.processInfo.environment["SENTINODE_AMQPS_URL"] != nil
            && ProcessInfo.processInfo.environment["SENTINODE_TLS_DIR"] != nil,
        "SENTINODE_AMQPS_URL or SENTINODE_TLS_DIR is not set: eval \"$(scripts/stack env)\""))
struct TLSTests {
    private static func file(_ name: String) -> String {
        (ProcessInfo.processInfo.environment["SENTINODE_TLS_DIR"] ?? "") + "/" + name
    }

    private static func settings(
        host: String = "localhost", authority: String? = TLSTests.file("ca.pem"), certificate: String? = nil,
        key: String? = nil, heartbeat: Int = 10
    ) throws -> BrokerSettings {
        let url = ProcessInfo.processInfo.environment["SENTINODE_AMQPS_URL"] ?? ""
        return try BrokerSettings(
            url: url.replacing("@localhost:", with: "@\(host):"), certificateAuthority: authority,
            clientCertificate: certificate, clientKey: key, heartbeat: heartbeat, connectionName: "tls test")
    }

    private static func failure(_ settings: BrokerSettings) throws -> BrokerError {
        try #require(throws: BrokerError.self) { _ = try Publisher(settings) }
    }

    /// Runs openssl in a folder of its own and gives the folder.
    private static func openssl(_ arguments: String...) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return folder.path
    }

    @Test func `messages pass over TLS with the stack's own authority`() async throws {
        try await LiveBroker.onLaneThread {
            let queue = Topology.Queue(name: "tls-\(UUID().uuidString)", arguments: [Field("x-expires", .int(60_000))])
            let publisher = try Publisher(Self.settings(), topology: Topology(queues: [queue]))
            // Large enough that TLS writes in several records and reads what it has buffered itself.
            let body = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let message = OutgoingMessage(exchange: "", routingKey: queue.name, body: body, mandatory: true)
            let outcomes = try publisher.publish([message, message], deadline: 20)
            #expect(outcomes == [.confirmed, .confirmed])
            let consumer = try Consumer(
                Self.settings(), queue: queue.name, prefetch: 10, bodyLimit: 1 << 20, bodyDigest: { OrderedDigest() })
            let batch = try consumer.receive(upTo: 2, wait: 60, linger: 60)
            #expect(batch.map(\.body) == [.bytes(body), .bytes(body)])
            try consumer.acknowledge(batch.map(\.tag))
            #expect(try consumer.receive(upTo: 1, wait: 0.2, linger: 0).isEmpty)
            consumer.close()
        }
    }

    @Test func `a broker signed by an authority that is not trusted is refused`() async throws {
        try await LiveBroker.onLaneThread {
            let system = try Self.failure(Self.settings(authority: nil))
            #expect(system.message.contains("trusted authority") && !system.isTransient)
            let folder = try Self.openssl(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=stranger", "-keyout",
                "key.pem", "-out", "ca.pem")
            let stranger = try Self.failure(Self.settings(authority: folder + "/ca.pem"))
            #expect(stranger.code == -514 && !stranger.isTransient)
        }
    }

    @Test func `a certificate for another host name is refused`() async throws {
        try await LiveBroker.onLaneThread {
            let error = try Self.failure(Self.settings(host: "127.0.0.1"))
            #expect(error.code == -513 && !error.isTransient && error.message.contains("127.0.0.1"))
        }
    }

    @Test func `a client certificate reaches the broker`() async throws {
        try await LiveBroker.onLaneThread {
            let name = "client certificate \(UUID().uuidString)"
            // The broker's tool can take longer than a heartbeat to start, and the connection must still be there then.
            var settings = try Self.settings(
                certificate: Self.file("client.pem"), key: Self.file("client-key.pem"), heartbeat: 600)
            settings.connectionName = name
            let publisher = try Publisher(settings)
            let connections = try LiveBroker.stack(
                ["rabbitmqctl", "--quiet", "list_connections", "client_properties", "peer_cert_subject"])
            let line = try #require(connections.split(separator: "\n").first { $0.contains(name) })
            #expect(line.contains("CN="))
            publisher.close()
        }
    }

    @Test func `unusable certificate files are named and an encrypted key asks nobody`() async throws {
        try await LiveBroker.onLaneThread {
            let folder = try Self.openssl(
                "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:geheim", "-days", "1", "-subj", "/CN=c",
                "-keyout", "key.pem", "-out", "cert.pem")
            let encrypted = try Self.failure(
                Self.settings(certificate: folder + "/cert.pem", key: folder + "/key.pem"))
            #expect(encrypted.message.contains("unencrypted") && !encrypted.isTransient)
            let noCertificates = try Self.failure(Self.settings(authority: folder + "/key.pem"))
            #expect(noCertificates.message.contains("key.pem") && !noCertificates.isTransient)
        }
    }
}
