import ArgumentParser
import AuditTrail
import Foundation

@main
struct Sentinode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sentinode",
        abstract: "Pre-screens patches of lymph-node slides for tumour, from a message queue into a database.",
        discussion: """
            Research software: a score to pre-screen with, never a diagnosis.

            Settings come from flags, then from environment variables, then from defaults. Every variable can also be \
            read from a file that <NAME>_FILE names.

              SENTINODE_AMQP_URL        amqp://user:password@host/vhost, or amqps://
              SENTINODE_DATABASE_URL    postgresql://user:password@host/database
              SENTINODE_MODEL           weights for `classify`, which needs neither of the two, and `evaluate`

            Examples:
              sentinode migrate
              sentinode enqueue patches/
              sentinode work --drain

            Exit codes: 0 done; 1 the work found a problem; 64 usage; 69 a service is unavailable; 70 a bug; \
            74 the output could not be written; 75 stopped before it was done; 78 bad configuration.
            """,
        version: programVersion,
        subcommands: [
            Migrate.self, Enqueue.self, Work.self, Classify.self, Model.self, Pause.self, Resume.self,
            Quarantine.self, Review.self, Reader.self, Labels.self, Export.self, Erase.self, Prune.self, Monitor.self,
            Audit.self, Train.self, Evaluate.self, Reevaluate.self, Synthesize.self, Doctor.self,
        ])
}

/// The version of this program, as `--version` prints it and migrations record it.
let programVersion = "0.1.0"

/// The version and the digest of the very program that runs: two builds of one version can be told apart.
func programIdentity() throws -> String {
    let hash = try Hash()
    let program = try Data(contentsOf: URL(filePath: "/proc/self/exe"), options: .alwaysMapped)
    try program.withUnsafeBytes { try hash.update($0) }
    return "\(programVersion), SHA-256 \(hexadecimal(try hash.finalize()))"
}
