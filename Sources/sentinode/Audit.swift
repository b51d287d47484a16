import ArgumentParser

/// What auditors call; each subcommand has a file of its own.
struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prove that nothing was changed or removed.",
        discussion: """
            Example:
              sentinode audit verify
            """,
        subcommands: [AuditVerify.self])
}
