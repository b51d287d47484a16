import ArgumentParser
import Evaluation
import Foundation

struct AuditCheckpoint: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Sign where every chain of seals stands, store it, announce it, and print it or write it to a file.",
        discussion: """
            What is kept outside of the database, the file or the announcements, shows later that nothing older was \
            removed or replaced. A file is appended to, and its last checkpoint must still be in the database: where a \
            backup was restored, say so once with --restored.

            Examples:
              sentinode audit checkpoint --key checkpoint.key
              sentinode audit checkpoint --key checkpoint.key --every 5m --out checkpoints.txt
              sentinode audit checkpoint --key old.key --new-key new.key.pub --out checkpoints.txt
              sentinode audit checkpoint --key checkpoint.key --out checkpoints.txt --restored "disk failure of 3 May"
            """)

    @Option(help: "File of the private key.") var key: String
    @Option(help: "Sign again and again at this interval, such as 5m, until SIGTERM.") var every: String?
    @Option(help: "Append to this file, and go on behind its last checkpoint.") var out: String?
    @Option(help: "File whose last checkpoint must still be in the database.") var previous: String?
    @Option(help: "File of the public key that signs from the next checkpoint on.") var newKey: String?
    @Option(help: "The database was restored from a backup: why.") var restored: Reason?

    func validate() throws {
        if let every {
            guard let seconds = Environment.seconds(every), seconds >= 1 else {
                throw ValidationError("--every is a duration such as 30s or 5m, 1s at least")
            }
            guard newKey == nil, restored == nil else {
                throw ValidationError("--new-key and --restored are done once, without --every")
            }
        }
        guard newKey == nil || restored == nil else {
            throw ValidationError("--new-key and --restored are two checkpoints: first --restored, then --new-key")
        }
    }

    func run() throws {
        try reportingFailures {
            let settings = CheckpointService.Settings(
                database: try databaseSettings("audit"), file: out,
                last: try previous.map { try CheckpointFile.last(of: $0) })
            let file = out
            let service = try CheckpointService(settings, key: KeyFiles.signingKey(key)) { tell($0, file) }
            guard let seconds = every.flatMap({ Environment.seconds($0) }) else {
                return try service.sign(try occasion())
            }
            let stop = try StopRequest()
            let signals = StopSignals(stop, say: complain)
            defer { signals.end() }
            try service.sign(every: seconds, until: stop)
        }
    }

    private func occasion() throws -> CheckpointOccasion {
        if let newKey { return .rotation(to: try KeyFiles.verifyingKey(newKey)) }
        if let restored { return .restored(reason: restored.text) }
        return .routine
    }
}

private func tell(_ news: CheckpointService.News, _ file: String?) {
    switch news {
    case .signed(let checkpoint):
        let document = checkpoint.document
        let line =
            "checkpoint \(document.number): \(document.heads) of \(document.chains) chains have grown, "
            + "\(document.seals) seals in all"
        print(file.map { "\(line), in \($0)" } ?? checkpoint.text)
    case .sealsLost(let count):
        complain(
            "\(count) seals that waited for a checkpoint, or were signed by one, are gone: run `sentinode audit verify`"
        )
    case .sealsForgotten(let count):
        complain(
            "\(count) seals had been taken off the list of what waits for a checkpoint: all chains were read again, and "
                + "this checkpoint covers them")
    case .unreadable(let numbers):
        complain(
            "of the checkpoints in the database, rows of audit.checkpoints, number "
                + numbers.map { "\($0)" }.joined(separator: ", ")
                + " cannot be read: somebody changed them. What is signed now does not build on them; run "
                + "`sentinode audit verify`, and have them restored from the file outside")
    case .interrupted(let error):
        complain("\(error); \(error.advice.map { "\($0); " } ?? "")trying again")
    }
    // Whoever reads a pipe or a log sees it when it happens.
    fflush(nil)
}
