import ArgumentParser

/// What auditors call; each subcommand has a file of its own.
struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prove that nothing that was stored has been changed or removed.",
        discussion: """
            Examples:
              sentinode audit verify
              sentinode audit key --out checkpoint.key
              sentinode audit checkpoint --key checkpoint.key --every 5m --out checkpoints.txt
              sentinode audit proof 4d0f6f2e-9c1b-4c39-8f3d-1d2a7f2f9b10
              sentinode audit draws --key-file disclosed.key
            """,
        subcommands: [
            AuditVerify.self, AuditKey.self, AuditCheckpoint.self, AuditProof.self, AuditDraws.self,
        ])
}
