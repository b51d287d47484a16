import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// Rows that the database refuses although the message could be read.
@Suite(.needsStack) struct BadMessagesUnstorableTests {
    @Test func `a row that the database refuses is quarantined alone, with all that is known of it`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(40, prefix: "before"))
            let message = try quarantineByMistake(in: laboratory, jobs: 40)
            #expect(try laboratory.predictions() == 80)
            #expect(
                try laboratory.count(
                    """
                    select count(*) from sentinode.quarantined_messages
                    where job_id = $1 and reason = 'unstorable' and headers ->> 'slide_id' = 'S-refused'
                        and properties ->> 'message_id' = $2 and payload_size = $3
                    """,
                    [.uuid(try message.jobID), .text(message.name), .int8(Int64(message.body.count))]) == 1)
        }
    }

    @Test func `where the database refuses headers as JSON, the properties stay readable`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.database.run(
                script: "alter table sentinode.quarantined_messages add constraint no_json check (headers is null)")
            let message = try quarantineByMistake(in: laboratory)
            #expect(
                try laboratory.count(
                    """
                    select count(*) from review.quarantine
                    where job_id = $1 and reason = 'unstorable' and headers is null
                        and properties ->> 'message_id' = $2
                    """, [.uuid(try message.jobID), .text(message.name)]) == 1)
        }
    }

    @Test func `properties that the database takes only as bytes are shown, and sent again as they came`() async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.database.run(
                script:
                    "alter table sentinode.quarantined_messages add constraint no_json check (not properties ? 'message_id')"
            )
            let message = try quarantineByMistake(in: laboratory)
            let job = try message.jobID.uuidString
            #expect(try laboratory.quarantine() == [message.jobID: ["unstorable"]])
            let show = try laboratory.start("quarantine", "show", job)
            #expect(try show.waitForEnd() == .exit(0))
            #expect(try show.output().contains("\"message_id\":\"\(message.name)\""))

            let copies = try copyJobs(of: laboratory)
            let replay = try laboratory.start("quarantine", "replay", job, "--reason", "the constraint was wrong")
            #expect(try replay.waitForEnd() == .exit(0))
            let copy = try #require(try laboratory.take(from: copies).first)
            #expect(copy.properties.messageID == message.name && copy.properties.appID == "test")
            #expect(copy.properties.contentType == "image/png" && copy.properties.correlationID == "c-1")
            #expect(copy.properties.header("slide_id") == .text("S-refused"))
            try laboratory.drain()
            #expect(
                try laboratory.count(
                    "select count(*) from sentinode.predictions where job_id = $1", [.uuid(try message.jobID)]) == 1)
        }
    }

    @Test func `what cannot even be quarantined goes to the dead-letter queue, and its neighbours do not`() async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.database.run(
                script: "alter table sentinode.quarantined_messages add check (reason <> 'unstorable')")
            let message = try quarantineByMistake(in: laboratory, jobs: 40)
            #expect(try laboratory.predictions() == 40)
            #expect(try laboratory.quarantine().isEmpty)
            let dead = try laboratory.take(from: BrokerNames.deadPatches)
            #expect(dead.map(\.properties.messageID) == [message.name])
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
        }
    }

    @Test func `the outbox takes an answer to any correlation id`() async throws {
        try await Laboratory.with { laboratory in
            for correlation in ["a\u{0}b", String(repeating: "\u{FFFD}", count: 255), "c-1"] {
                let message = Announcement.message(
                    eventID: UUID(), exchange: "", routingKey: "nobody", correlationID: correlation, body: "{}")
                try Outbox(connection: laboratory.database).keep([(eventID: UUID(), message: message)])
            }
            let kept = try laboratory.database.query(
                "select correlation_id from sentinode.outbox where routing_key = 'nobody' order by outbox_id")
            #expect(
                try kept.map { try $0.text("correlation_id") }
                    == ["a\u{FFFD}b", String(repeating: "\u{FFFD}", count: 85), "c-1"])
        }
    }
}

/// Sends a good patch, among others, to a database that is set up to refuse it, and mends that afterwards.
func quarantineByMistake(in laboratory: Laboratory, jobs: Int = 0) throws -> BadMessage {
    let constraint = "refuses_without_need"
    try laboratory.database.run(
        script: "alter table sentinode.predictions add constraint \(constraint) check (slide_id <> 'S-refused')")
    let death = try #require(BadMessages.headers.first { $0.name == "the broker's own death headers" })
    var message = BadMessage("good", HandmadePNG().bytes, .quarantined(.unstorable))
    let slide: (name: [UInt8], value: [UInt8]) = (
        Array("slide_id".utf8), [0x53, 0, 0, 0, 9] + Array("S-refused".utf8)
    )
    let headers = BadMessages.table([slide]).dropFirst(4) + (death.properties.headers ?? []).dropFirst(4)
    message.properties.headers = [0, 0, UInt8(headers.count >> 8), UInt8(headers.count & 255)] + headers
    message.properties.correlationID = Array("c-1".utf8)
    try publish([message], to: laboratory)
    try laboratory.publish(try TestPatches.jobs(jobs, prefix: "behind"))
    try laboratory.drain()
    try laboratory.database.run(script: "alter table sentinode.predictions drop constraint \(constraint)")
    return message
}
