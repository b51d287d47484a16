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

    @Option(help: "Do it again and again, with so much time between: 10m, 1h, 24h.")
    var every: String?
    @Option(help: "How log lines look: text or json.")
    var logFormat: LogFormat?

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let database = environment.database(applicationName: "sentinode prune")
            let logger = LogOutput.logger(
                format: logFormat ?? LogOutput.format(&environment), level: environment.text("SENTINODE_LOG_LEVEL"),
                terminal: Terminal(), problems: &environment)
            let seconds = every.flatMap(Environment.seconds)
            if every != nil, (seconds ?? 0) < 1 {
                environment.add(problem: "--every is not a duration of a second or more such as 10m, 1h or 24h")
            }
            let settings = try checked(environment, database)
            let stop = try StopRequest()
            let signals = StopSignals(stop) { logger.info("\($0)") }
            defer { signals.end() }
            let retention = ImageRetention(settings, stop: stop, logger: logger)
            if let seconds { try retention.run(every: seconds) } else { try retention.run() }
        }
    }
}
