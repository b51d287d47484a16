import Foundation
import Testing

@testable import MessageBroker

/// The real RabbitMQ that `scripts/stack` runs.
enum LiveBroker {
    static var isThere: Bool { ProcessInfo.processInfo.environment["SENTINODE_AMQP_URL"] != nil }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Runs `scripts/stack` and gives what it prints; `folder` names another stack than the environment's.
    @discardableResult
    static func stack(
        _ arguments: [String], folder: String? = nil, environment: [String: String] = [:]
    ) throws -> String {
        let process = Process()
        // Foundation waits until every heir of its descriptors has ended, and the stack's services never do.
        let closing = "for f in /proc/$$/fd/*; do f=${f##*/}; [ $f -gt 2 ] && eval \"exec $f>&-\"; done; exec \"$@\""
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", closing, "stack", root.appending(path: "scripts/stack").path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let folder { process.environment?["SENTINODE_STACK_DIR"] = folder }
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // Threads of a pool block signals and a child inherits that: a broker started so would never stop on SIGTERM.
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "scripts/stack \(arguments.first ?? "") failed")
        return text
    }

    /// Runs `body` with a fresh virtual host, on a thread with a lane's stack.
    static func withVhost(
        folder: String? = nil, _ body: @escaping @Sendable (Vhost) throws -> Void
    ) async throws {
        try await onLaneThread {
            let name = "broker-\(UUID().uuidString)"
            let url = try stack(["vhost", name], folder: folder).split(separator: "\n").last.map(String.init)
            try body(Vhost(url: #require(url), name: name, folder: folder))
        }
    }

    /// Blocking work belongs on a thread of its own; the task stays the test's, so that its findings do too.
    static func onLaneThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withTaskExecutorPreference(LaneThread()) { try body() }
    }

    /// Runs `body` on another thread, for what might wait for ever.
    static func beside(_ body: @escaping @Sendable () throws -> Void) {
        Thread.detachNewThread { #expect(throws: Never.self) { try body() } }
    }

    /// Calls `condition` until it holds or `seconds` have passed; whether it held.
    static func eventually(within seconds: Double = 60, _ condition: () throws -> Bool) rethrows -> Bool {
        let deadline = Deadline.after(seconds)
        while !deadline.hasPassed {
            if try condition() { return true }
            usleep(20_000)
        }
        return try condition()
    }
}

/// Runs what it is given on a thread with a lane's stack, 64 MB.
private final class LaneThread: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let thread = Thread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        thread.stackSize = 64 << 20
        thread.start()
    }
}

/// A virtual host of one test, with the one queue that most tests need.
struct Vhost: Sendable {
    let url: String
    let name: String
    let folder: String?
    let queue = "patches"

    func settings(heartbeat: Int = 10) throws -> BrokerSettings {
        try BrokerSettings(url: url, heartbeat: heartbeat, connectionName: "test \(name)")
    }

    /// A quorum queue `patches` that dead-letters to `dead`.
    var topology: Topology {
        Topology(
            queues: [
                .init(
                    name: queue,
                    arguments: [
                        Field("x-queue-type", .text("quorum")), Field("x-dead-letter-exchange", .text("")),
                        Field("x-dead-letter-routing-key", .text("dead")),
                    ]),
                .init(name: "dead", arguments: [Field("x-queue-type", .text("quorum"))]),
            ])
    }

    func consumer(
        of queue: String = "patches", prefetch: Int = 128, bodyLimit: Int = 1 << 20, heartbeat: Int = 10,
        digest: @escaping () -> any BodyDigest = { OrderedDigest() }
    ) throws -> Consumer {
        try Consumer(
            settings(heartbeat: heartbeat), queue: queue, prefetch: prefetch, bodyLimit: bodyLimit,
            bodyDigest: digest, topology: topology)
    }

    func publisher(heartbeat: Int = 10) throws -> Publisher {
        try Publisher(settings(heartbeat: heartbeat), topology: topology)
    }

    /// Publishes bodies to the queue and expects all to be confirmed.
    func publish(_ bodies: [[UInt8]], properties: MessageProperties = MessageProperties()) throws {
        let publisher = try publisher()
        let outcomes = try publisher.publish(bodies.map { message($0, properties: properties) }, deadline: 60)
        try #require(outcomes.allSatisfy { $0 == .confirmed })
        publisher.close()
    }

    func message(
        _ body: [UInt8] = [1], to queue: String = "patches", properties: MessageProperties = MessageProperties(),
        mandatory: Bool = true
    ) -> OutgoingMessage {
        OutgoingMessage(exchange: "", routingKey: queue, properties: properties, body: body, mandatory: mandatory)
    }

    /// Whether the queue comes to hold exactly so many ready messages.
    func holds(_ count: Int, in queue: String = "patches") throws -> Bool {
        let settings = try settings()
        return try LiveBroker.eventually { try QueueDepth.of(queue: queue, at: settings).messages == count }
    }

    func rabbitmqctl(_ arguments: String...) throws {
        try LiveBroker.stack(["rabbitmqctl"] + arguments, folder: folder)
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips, by name, where no broker was started for the tests.
    static var needsBroker: Self {
        .enabled(
            if: LiveBroker.isThere,
            "SENTINODE_AMQP_URL is not set: scripts/stack start, then eval \"$(scripts/stack env)\"")
    }
}
