import ArgumentParser

struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prove that nothing was changed or removed.",
        discussion: """
            Examples:
              sentinode audit draws --key-file disclosed.key
            """,
        subcommands: [AuditDraws.self])
}
