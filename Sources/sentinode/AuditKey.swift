import ArgumentParser
import Evaluation

struct AuditKey: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make a key pair to sign checkpoints with.",
        discussion: """
            Ed25519. The private key belongs outside of the database, to somebody other than its administrator; the \
            public key, FILE.pub, goes to auditors.

            Example:
              sentinode audit key --out checkpoint.key
            """)

    @Option(help: "File of the private key; the public key goes to FILE.pub.") var out: String

    func run() throws {
        try reportingFailures {
            let publicFile = try KeyFiles.make(at: out)
            print("the private key is in \(out), for its owner alone; the public key is in \(publicFile), for auditors")
        }
    }
}
