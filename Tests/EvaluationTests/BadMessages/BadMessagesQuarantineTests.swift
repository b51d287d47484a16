import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// What people do about quarantined messages, through the executable.
@Suite(.needsStack) struct BadMessagesQuarantineTests {
    @Test func `a message that was quarantined by mistake becomes a prediction when it is replayed`() async throws {
        try await Laboratory.with { laboratory in
            let message = try quarantineByMistake(in: laboratory)
            let job = try message.jobID
            #expect(try laboratory.quarantine() == [job: ["unstorable"]])

            let copies = try copyJobs(of: laboratory)
            try run(laboratory, "replay", job.uuidString, "--reason", "the constraint was wrong")
            let copy = try #require(try laboratory.take(from: copies).first)
            #expect(copy.properties.messageID == message.name)
            #expect(copy.properties.correlationID == "c-1")
            #expect(copy.properties.header("slide_id") == .text("S-refused"))
            #expect(!copy.properties.headers.contains { $0.name.hasPrefix("x-") })

            try laboratory.drain()
            #expect(
                try laboratory.count(
                    "select count(*) from sentinode.predictions where job_id = $1 and slide_id = 'S-refused'",
                    [.uuid(job)]) == 1)
            #expect(try state(of: job, in: laboratory) == "replayed: the constraint was wrong")
        }
    }

    @Test func `a message that is still bad after its replay is open again`() async throws {
        try await Laboratory.with { laboratory in
            var message = BadMessage("still bad", [1, 2, 3], .quarantined(.notPNG))
            message.properties.timestamp = .max  // beyond the database's integers
            try publish([message], to: laboratory)
            try laboratory.drain()
            try run(laboratory, "replay", try message.jobID.uuidString, "--reason", "try again")
            try laboratory.drain()
            #expect(
                try laboratory.count(
                    "select count(*) from review.quarantine where state = 'open' and occurrences = 2") == 1)
        }
    }

    @Test func `a body that was too large to keep is not replayed, and where it is gets said`() async throws {
        try await Laboratory.with { laboratory in
            let message = BadMessage("large", [UInt8](repeating: 7, count: 5000), .quarantined(.tooLarge))
            try publish([message], to: laboratory)
            try laboratory.drain(environment: ["SENTINODE_BODY_LIMIT": "4096"])
            let replay = try run(laboratory, "replay", try message.jobID.uuidString, "--reason", "more", ends: 1)
            #expect(try replay.log().contains(BrokerNames.deadPatches))
            #expect(try state(of: message.jobID, in: laboratory) == "open")
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)

            // Sent again under a higher limit, the same body is read, and has its own reason.
            let other = BadMessage("large, under a higher limit", message.body, .quarantined(.notPNG))
            try publish([other], to: laboratory)
            try laboratory.drain(environment: ["SENTINODE_BODY_LIMIT": "8192"])
            #expect(try laboratory.quarantine()[other.jobID] == ["not_png"])
        }
    }

    @Test func `what nests too deeply to be sent again stays in quarantine, and that is said`() async throws {
        try await Laboratory.with { laboratory in
            let deep = try #require(BadMessages.headers.first { $0.name == "25,000 nested arrays" })
            var message = BadMessage("deep and bad", [1], .quarantined(.truncated))
            message.properties.headers = deep.properties.headers
            message.body = [9, 9, 9]
            try publish([message], to: laboratory)
            try laboratory.drain()
            let replay = try run(laboratory, "replay", try message.jobID.uuidString, "--reason", "more", ends: 1)
            #expect(try replay.log().contains("cannot be sent again"))
            #expect(try state(of: message.jobID, in: laboratory) == "open")
        }
    }

    @Test func `discarding takes a reason, and is listed only when asked for`() async throws {
        try await Laboratory.with { laboratory in
            let message = BadMessage("not a patch", Array("a letter".utf8), .quarantined(.notPNG))
            try publish([message], to: laboratory)
            try laboratory.drain()
            let job = try message.jobID
            let name = job.uuidString.lowercased()
            try run(laboratory, "discard", name, ends: 64)
            try run(laboratory, "discard", name, "--reason", " ", ends: 64)
            #expect(try state(of: job, in: laboratory) == "open")
            #expect(try run(laboratory, "list").output().contains(name))

            try run(laboratory, "discard", name, "--reason", "a letter")
            #expect(try state(of: job, in: laboratory) == "discarded: a letter")
            let again = try run(laboratory, "discard", name, "--reason", "two letters", ends: 1)
            #expect(try again.log().contains("is discarded already"))
            #expect(try state(of: job, in: laboratory) == "discarded: a letter")
            #expect(try !run(laboratory, "list").output().contains(name))
            #expect(try run(laboratory, "list", "--all").output().contains(name))
            #expect(
                try laboratory.count(
                    "select count(*) from audit.events where action = 'quarantine.discarded' and reason = 'a letter'")
                    == 1)
        }
    }

    @Test func `everything known of a message is shown, and its body written to a file`() async throws {
        try await Laboratory.with { laboratory in
            let message = try #require(BadMessages.images.first { $0.name == "half transparent" })
            try publish([message], to: laboratory)
            try laboratory.drain()
            let file = FileManager.default.temporaryDirectory.appending(path: laboratory.databaseName + ".png")
            defer { unlink(file.path) }
            let show = try run(laboratory, "show", try message.jobID.uuidString, "--payload", file.path)
            #expect(try show.output().contains("transparent"))
            #expect(try show.output().contains(message.name))
            #expect(try Array(Data(contentsOf: file)) == message.body)
            try run(laboratory, "show", UUID().uuidString, ends: 1)
        }
    }
}

/// A queue that gets a copy of every job from now on.
func copyJobs(of laboratory: Laboratory) throws -> String {
    let queue = "test.copies"
    let topology = Topology(
        exchanges: [], queues: [Topology.Queue(name: queue)],
        bindings: [Topology.Binding(queue: queue, exchange: BrokerNames.jobs, routingKey: BrokerNames.patchesKey)])
    try Publisher(laboratory.broker, topology: topology).close()
    return queue
}

/// Runs `sentinode quarantine` and requires its exit code.
@discardableResult
private func run(_ laboratory: Laboratory, _ verb: String, _ arguments: String..., ends code: Int32 = 0) throws
    -> Program
{
    let program = try laboratory.start(["quarantine", verb] + arguments)
    let end = try program.waitForEnd()
    let log = try program.log()
    try #require(end == .exit(code), "quarantine \(verb): \(log)")
    return program
}

/// The state of a job's message, and why where somebody decided.
private func state(of job: UUID, in laboratory: Laboratory) throws -> String {
    let row = try laboratory.database.query(
        "select concat_ws(': ', state, decision_reason) as state from review.quarantine where job_id = $1", [.uuid(job)]
    ).onlyRow()
    return try row.text("state")
}
