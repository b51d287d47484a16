import ArgumentParser
import Evaluation
import Logging

struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove kept patches whose time is over.",
        discussion: """
            How long the patch of a selected prediction is kept, the review policy says (keep_image_days). Removing is \
            an audited act; the prediction keeps the patch's hash. One log line a run.

            Examples:
              sentinode prune
              sentinode prune --every 1h           a service, until SIGTERM

            Environment: SENTINODE_LOG_LEVEL, SENTINODE_LOG_FORMAT.
            """)

    @OptionGroup var service: ServiceOptions

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let database = environment.database(applicationName: "sentinode prune")
            let logger = service.logger(&environment)
            let seconds = service.interval(&environment)
            let settings = try checked(environment, database)
            let stop = try StopRequest()
            let signals = StopSignals(stop) { logger.info("\($0)") }
            defer { signals.end() }
            let retention = ImageRetention(settings, stop: stop, logger: logger)
            if let seconds { try retention.run(every: seconds) } else { try retention.run() }
        }
    }
}
