import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// A broker's virtual host, a database with an active model, and the programs that work on them, all of one test.
final class Laboratory {
    let stack: Stack
    let broker: BrokerSettings
    let brokerURL: String
    let databaseURL: String
    let databaseName: String
    let database: DatabaseConnection
    /// Where its programs run.
    let folder: URL
    private var programs: [Program] = []
    private var publisher: Publisher
    private var lastPublished = ContinuousClock.now

    /// Where every event arrives.
    static let eventsQueue = "test.events"
    /// Where replies can be sent to.
    static let repliesQueue = "test.replies"

    /// Makes a laboratory, lets a test work in it on a thread of its own, and clears up.
    static func with(_ stack: Stack? = nil, _ body: (Laboratory) async throws -> Void) async throws {
        try await onDedicatedThread {
            let laboratory = try Laboratory(on: try #require(stack ?? Stack.ofTheRun))
            // A broker that is killed a moment later would have forgotten who is bound to what.
            try stack?.evaluate("mnesia:sync_log().")
            do {
                try await body(laboratory)
            } catch {
                laboratory.showLogs()
                try laboratory.clear()
                throw error
            }
            try laboratory.clear()
        }
    }

    private init(on stack: Stack) throws {
        self.stack = stack
        databaseName = "test_" + randomName()
        let template = try TemplateDatabase.name(on: stack)
        try stack.administrator().run(script: "create database \(databaseName) template \(template)")
        databaseURL = try stack.databaseURL(database: databaseName)
        database = try stack.connect(database: databaseName)
        brokerURL = try VirtualHosts.take(on: stack)
        broker = try BrokerSettings(url: brokerURL, connectionName: "sentinode tests")
        folder = FileManager.default.temporaryDirectory.appending(path: databaseName)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        publisher = try Publisher(broker, topology: Laboratory.topology)
    }

    /// The product's topology, and queues to listen on.
    private static var topology: Topology {
        var topology = BrokerNames.topology
        topology.queues += [Topology.Queue(name: eventsQueue), Topology.Queue(name: repliesQueue)]
        topology.bindings.append(Topology.Binding(queue: eventsQueue, exchange: BrokerNames.events, routingKey: "#"))
        return topology
    }

    private func clear() throws {
        for program in programs { program.stop() }
        publisher.close()
        database.close()
        try stack.administrator().run(script: "drop database \(databaseName) with (force)")
        try FileManager.default.removeItem(at: folder)
    }

    /// Says what the programs of a failed test said last.
    private func showLogs() {
        for (number, program) in programs.enumerated() {
            let words = program.lastWords().joined(separator: "\n  ")
            print("sentinode \(number + 1) of \(databaseName):\n  \(words)")
        }
    }

    /// Called after the database was away.
    func reconnect() throws { try database.reset() }

    // MARK: Programs

    /// Settings of a program that works here.
    var environment: [String: String] {
        [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "SENTINODE_AMQP_URL": brokerURL,
            "SENTINODE_DATABASE_URL": databaseURL, "SENTINODE_LOG_FORMAT": "json",
        ]
    }

    /// Starts `sentinode` with the arguments.
    func start(_ arguments: String..., environment more: [String: String] = [:]) throws -> Program {
        try start(arguments, environment: more)
    }

    func start(
        _ arguments: [String], environment more: [String: String] = [:], output: URL? = nil, errors: URL? = nil,
        on processor: String? = nil
    ) throws -> Program {
        let program = try Program(
            arguments, environment: environment.merging(more) { $1 }, folder: folder, output: output, errors: errors,
            on: processor)
        programs.append(program)
        return program
    }

    /// Runs a worker until the queue is empty and everything is settled.
    @discardableResult
    func drain(lanes: Int = 1, environment: [String: String] = [:], within seconds: Double = 120) throws -> Program {
        let worker = try start("work", "--drain", "--lanes", "\(lanes)", environment: environment)
        let end = try worker.waitForEnd(within: seconds)
        try #require(end == .exit(0), "the worker ended with \(end): \(worker.lastWords().joined(separator: "\n"))")
        return worker
    }

    // MARK: Messages

    /// Publishes and requires the broker's confirm of every message.
    func publish(_ messages: [OutgoingMessage]) throws {
        // The broker gives up a connection on which nothing was heard for long.
        if ContinuousClock.now - lastPublished > .seconds(10) {
            publisher = try Publisher(broker, topology: Laboratory.topology)
        }
        defer { lastPublished = .now }
        for start in stride(from: 0, to: messages.count, by: 256) {
            let outcomes = try publisher.publish(
                Array(messages[start..<min(start + 256, messages.count)]), deadline: 30)
            try #require(outcomes.allSatisfy { $0 == .confirmed }, "the broker did not take every message")
        }
    }

    /// Messages that wait in a queue, without what consumers hold.
    func depth(of queue: String) throws -> Int { try QueueDepth.of(queue: queue, at: broker).messages }

    /// Takes everything that waits in a queue, until nothing more comes within `quiet` seconds.
    func take(from queue: String, quiet: Double = 0.3) throws -> [Delivery] {
        let consumer = try Consumer(broker, queue: queue, prefetch: 512, bodyLimit: 1 << 27, bodyDigest: NoDigest.init)
        defer { consumer.close() }
        var taken: [Delivery] = []
        while true {
            let deliveries = try consumer.receive(upTo: 512, wait: quiet, linger: 0)
            if deliveries.isEmpty { return taken }
            try consumer.acknowledge(deliveries.map(\.tag))
            taken += deliveries
        }
    }

    /// Takes the events that have arrived.
    func takeEvents() throws -> [Event] { try take(from: Laboratory.eventsQueue).map(Event.init) }

    // MARK: Rows

    /// The number that a query with one column `count` gives.
    func count(_ sql: SQL, _ parameters: [Parameter] = []) throws -> Int {
        Int(try database.query(sql, parameters).onlyRow().int8("count"))
    }

    func predictions() throws -> Int { try count("select count(*) from sentinode.predictions") }

    /// Reason codes of what is quarantined, by job.
    func quarantine() throws -> [UUID: [String]] {
        let rows = try database.query("select job_id, reason from sentinode.quarantined_messages order by reason")
        return Dictionary(grouping: try rows.map { (try $0.uuid("job_id"), try $0.text("reason")) }, by: \.0)
            .mapValues { $0.map(\.1) }
    }
}

/// Nothing here is larger than the limit.
private struct NoDigest: BodyDigest {
    mutating func update(_: UnsafeRawBufferPointer) {}
    mutating func finalize() -> [UInt8] { [] }
}
