import ArgumentParser
import Evaluation
import Foundation
import MessageBroker

struct Quarantine: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at messages that could not become predictions, send them again, or close them.",
        discussion: """
            Examples:
              sentinode quarantine list
              sentinode quarantine show 4d0f6f2e-...  --payload bad.png
              sentinode quarantine replay 4d0f6f2e-... --reason "the worker of May had a bug"
              sentinode quarantine discard 4d0f6f2e-... --reason "not a patch"
            """,
        subcommands: [List.self, Show.self, Replay.self, Discard.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List open messages, the newest first.",
            discussion: """
                Examples:
                  sentinode quarantine list
                  sentinode quarantine list --all --limit 1000
                """)

        @Flag(help: "Those that were replayed or discarded too.")
        var all = false
        @Option(help: "At most this many.")
        var limit = 100

        func validate() throws {
            guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit is from 1 to 1000000") }
        }

        func run() throws {
            try reportingFailures {
                let entries = try QuarantineDesk(databaseSettings("quarantine")).list(all: all, limit: limit)
                if entries.isEmpty { return print("the quarantine is empty") }
                printTable(
                    ["job", "reason", "times", "last", "state", "explanation"],
                    entries.map {
                        [
                            $0.jobID.text, $0.reason, "\($0.occurrences)", $0.lastAt, $0.state,
                            $0.explanation,
                        ]
                    })
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show everything known of a job's messages.",
            discussion: """
                Example:
                  sentinode quarantine show 4d0f6f2e-9c1b-4c39-8f3d-1d2a7f2f9b10 --payload bad.png
                """)

        @Argument(help: "Job id.") var job: JobID
        @Option(help: "Write the body of the newest message to this file.") var payload: String?

        func run() throws {
            try reportingFailures {
                let desk = try QuarantineDesk(databaseSettings("quarantine"))
                for entry in try desk.entries(of: job.id) {
                    print(
                        """
                        job          \(entry.jobID.text)
                        state        \(entry.state)
                        reason       \(entry.reason): \(entry.explanation)
                        occurrences  \(entry.occurrences), last at \(entry.lastAt)
                        body         \(entry.payloadSize) bytes, SHA-256 \(entry.payloadSHA256)
                        properties   \(entry.properties)
                        headers      \(entry.headers ?? "not representable as JSON; kept as AMQP bytes")

                        """)
                }
                if let payload { try write(try desk.payload(of: job.id), to: payload) }
            }
        }

        private func write(_ bytes: [UInt8]?, to path: String) throws {
            guard let bytes else { throw OperationError("the body was too large to keep") }
            do {
                try Data(bytes).write(to: URL(filePath: path))
            } catch {
                throw OperationError("\(path) cannot be written")
            }
            print("the body is in \(path)")
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a job's newest message to the queue again.",
            discussion: """
                Example:
                  sentinode quarantine replay 4d0f6f2e-9c1b-4c39-8f3d-1d2a7f2f9b10 --reason "the worker of May had a bug"
                """)

        @Argument(help: "Job id.") var job: JobID
        @Option(help: "Why; it stays in the audit trail.") var reason: Reason

        func run() throws {
            try reportingFailures {
                let publisher = try Publisher(brokerSettings("quarantine"))
                defer { publisher.close() }
                let desk = try QuarantineDesk(databaseSettings("quarantine"))
                try desk.replay(job.id, reason: reason.text, through: publisher)
                print("sent again")
            }
        }
    }

    struct Discard: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that nothing more will be done about a job's newest message; it stays stored.",
            discussion: """
                Example:
                  sentinode quarantine discard 4d0f6f2e-9c1b-4c39-8f3d-1d2a7f2f9b10 --reason "not a patch"
                """)

        @Argument(help: "Job id.") var job: JobID
        @Option(help: "Why; it stays in the audit trail.") var reason: Reason

        func run() throws {
            try reportingFailures {
                try QuarantineDesk(databaseSettings("quarantine")).discard(job.id, reason: reason.text)
                print("discarded")
            }
        }
    }
}

/// Why somebody did something, on the command line: not nothing, for it stays in the audit trail.
struct Reason: ExpressibleByArgument {
    let text: String

    init?(argument: String) {
        guard argument.contains(where: { !$0.isWhitespace }), argument.utf8.count <= 4000 else { return nil }
        text = argument
    }
}

/// A UUID on the command line.
struct JobID: ExpressibleByArgument {
    let id: UUID

    init?(argument: String) {
        guard let id = UUID(uuidString: argument) else { return nil }
        self.id = id
    }
}
