import ArgumentParser
import Evaluation
import Foundation

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at broker, database, schema and model, and say what to do.",
        discussion: """
            Changes nothing. The exit code is 69 when something a worker needs is not well, 78 when the settings are not.

            Example:
              sentinode doctor
            """)

    @Option(help: "Folder with the migrations; by default it is looked for here and beside the program.")
    var migrations: String?

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let broker = environment.broker(connectionName: "sentinode doctor")
            let database = environment.database(applicationName: "sentinode doctor")
            let passive = environment.declaresPassively()
            let reviewKey = environment.reviewKey()
            _ = environment.webhook()
            let checkup = Checkup()
            var results = checkup.engine()
            if let broker { results += checkup.broker(broker, passive: passive) }
            if let database {
                results += checkup.database(database, migrationsFolder: try folder(), reviewKey: reviewKey)
            }
            for result in results { show(result) }
            try environment.check()
            if results.contains(where: { $0.state == .bad }) { throw Exit.unavailable }
        }
    }

    private func folder() throws -> String? {
        if let migrations { return migrations }
        do {
            return try migrationsFolder()
        } catch is ConfigurationError {
            return nil
        }
    }

    private func show(_ result: CheckupResult) {
        let mark =
            switch result.state {
            case .good: "ok      "
            case .warning: "look at "
            case .bad: "MEND    "
            }
        print("\(mark) \(result.subject): \(result.detail)")
        if let advice = result.advice { print("          -> \(advice)") }
    }
}
