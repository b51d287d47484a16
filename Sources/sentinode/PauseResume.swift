import ArgumentParser
import Evaluation

struct Pause: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop all workers from deciding, from the next batch on.",
        discussion: """
            Messages wait in the queue meanwhile; nothing is lost. Readers may do it too, also in SQL: \
            SELECT review.pause('why').

            Example:
              sentinode pause --reason "stain batch 14 under investigation"
            """)

    @Option(help: "Why; it stays in the audit trail.")
    var reason: Reason

    func run() throws {
        try reportingFailures {
            let changed = try WorkSwitch(databaseSettings("pause")).pause(reason: reason.text)
            print(changed ? "work is paused" : "work was paused already")
        }
    }
}

struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let the workers decide again.",
        discussion: """
            Example:
              sentinode resume --reason "stain batch 14 was fine"
            """)

    @Option(help: "Why; it stays in the audit trail.")
    var reason: Reason

    func run() throws {
        try reportingFailures {
            let changed = try WorkSwitch(databaseSettings("resume")).resume(reason: reason.text)
            print(changed ? "work goes on" : "work was not paused")
        }
    }
}
