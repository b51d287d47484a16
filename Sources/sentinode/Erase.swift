import ArgumentParser
import Evaluation
import Foundation

struct Erase: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Erase what names a case or a slide, for good.",
        discussion: """
            Cleared are slide, position, pseudonym, message id, attributes, comments, reasons, patches and payloads. \
            Scores, labels and hashes stay, and so does the audit trail: its digests no longer reveal anything. What \
            still waits in the queue is not touched, so drain it first. The reason is kept for ever: write it without \
            the name. Where the name also stands in words that stay, this is said below the numbers.

            Examples:
              sentinode erase --case P-1043 --reason "withdrawal of consent, request 17" --dry-run
              sentinode erase --case P-1043 --reason "withdrawal of consent, request 17"
              sentinode erase --slide S-17 --reason "sent by mistake" --yes
            """)

    @Option(name: .customLong("case"), help: "Pseudonym of the case, exactly as it was sent.")
    var casePseudonym: String?
    @Option(help: "Slide, exactly as it was sent.")
    var slide: String?
    @Option(help: "Why; it stays in the audit trail.")
    var reason: Reason
    @Flag(help: "Show what would be erased, and stop.")
    var dryRun = false
    @Flag(help: "Do not ask.")
    var yes = false

    func validate() throws {
        guard (casePseudonym == nil) != (slide == nil) else { throw ValidationError("name either --case or --slide") }
    }

    func run() throws {
        try reportingFailures {
            let erasure = try Erasure(databaseSettings("erase"))
            let subject = try self.subject()
            let expected = try erasure.extent(of: subject, reason: reason.text)
            Erase.show(expected, dryRun ? "would be erased" : "to erase")
            if dryRun { return }
            try confirm()
            let erased = try erasure.erase(subject, reason: reason.text)
            print("erased")
            for notice in erased.notices where !expected.notices.contains(notice) { print(notice) }
        }
    }

    private func subject() throws -> Erasure.Subject {
        if let casePseudonym { return .ofCase(casePseudonym) }
        if let slide { return .ofSlide(slide) }
        throw ValidationError("name either --case or --slide")
    }

    private static func show(_ extent: Erasure.Extent, _ heading: String) {
        printTable(
            [heading, "rows"],
            [
                ["predictions", "\(extent.predictions)"], ["quarantined messages", "\(extent.quarantined)"],
                ["labels (comment and reason)", "\(extent.labels)"], ["patches kept", "\(extent.images)"],
            ])
        for notice in extent.notices { print(notice) }
    }

    /// Asks whoever sits at the terminal; where nobody does, `--yes` has to say it.
    private func confirm() throws {
        if yes { return }
        guard isatty(STDIN_FILENO) == 1 else {
            complain("nothing was erased: there is no terminal to ask at, so say --yes")
            throw Exit.usage
        }
        StandardError.write("This cannot be undone. Type yes to erase: ")
        guard readLine() == "yes" else {
            complain("nothing was erased")
            throw Exit.problemFound
        }
    }
}
