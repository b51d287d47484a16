import ArgumentParser
import Evaluation
import Foundation

struct AuditProof: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proof",
        abstract: "Prove that a job stands in the record, or check a receipt that was kept.",
        discussion: """
            Prints a shell script that anybody can read and run: with nothing but xxd, sha256sum and openssl it leads \
            from the row to a signed checkpoint. It holds the whole row.

            Examples:
              sentinode audit proof 4d0f6f2e-9c1b-4c39-8f3d-1d2a7f2f9b10 > proof.sh
              sh proof.sh checkpoint.key.pub
              sentinode audit proof --receipt answer.json
            """)

    @Argument(help: "Job id.") var job: JobID?
    @Flag(help: "Print JSON, one object a row, and no script.") var json = false
    @Option(help: "A result message, or the receipt in it, as JSON: check that it fits the database.") var receipt:
        String?

    func validate() throws {
        guard (job == nil) != (receipt == nil) else {
            throw ValidationError("name a job, or a receipt with --receipt")
        }
    }

    func run() throws {
        try reportingFailures {
            if let receipt {
                let kept = try KeptReceipt.read(receipt)
                return print(try ProofDesk(databaseSettings("audit")).check(kept))
            }
            guard let job else { return }
            let proofs = try ProofDesk(databaseSettings("audit")).proofs(of: job.id)
            if json {
                for proof in proofs { print(proof.json) }
            } else {
                print(ProofScript(proofs).text, terminator: "")
            }
        }
    }
}
