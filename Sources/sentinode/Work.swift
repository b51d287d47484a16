import ArgumentParser
import Evaluation
import Foundation
import Logging

struct Work: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take patches from the queue, classify them, store and announce the predictions.",
        discussion: """
            Runs until SIGTERM or Ctrl-C, then finishes what it has received. A second signal stops at once; nothing is \
            lost either way. More throughput: more --lanes up to the number of cores, then more processes, then more \
            machines.

            Examples:
              sentinode work
              sentinode work --drain              stop when the queue is empty
              sentinode work --lanes 4 --log-format json

            Environment: SENTINODE_LANES, SENTINODE_BATCH, SENTINODE_LINGER, SENTINODE_GRACE, SENTINODE_LOG_LEVEL, \
            SENTINODE_LOG_FORMAT, SENTINODE_BODY_LIMIT (bytes, default 1 MiB), SENTINODE_ATTRIBUTES (names of other \
            headers to store, separated by commas; all by default), SENTINODE_PATIENCE (how long to hold messages \
            while the database is away, default 5m), SENTINODE_REVIEW_KEY (of the draws for review, see \
            `sentinode review key`), SENTINODE_AMQP_DECLARE=passive, SENTINODE_AMQP_CA, \
            SENTINODE_AMQP_CERT, SENTINODE_AMQP_KEY.
            """)

    @Option(help: "Threads that each consume, classify and record (default: one a core).")
    var lanes: Int?
    @Option(help: "Messages settled together at most (default: 64).")
    var batch: Int?
    @Option(help: "Longest wait for a batch to fill (default: 2ms).")
    var linger: String?
    @Flag(
        help: "Stop when the queue is empty and everything is settled; while work is paused, wait for its resumption.")
    var drain = false
    @Option(help: "Longest time to finish, counted from the signal (default: 30s).")
    var grace: String?
    @Option(help: "How log lines look: text or json.")
    var logFormat: LogFormat?
    @Option(help: "Least severe lines logged: debug, info, warning or error.")
    var logLevel: String?

    func run() throws {
        var environment = Environment()
        let settings = workerSettings(&environment)
        let terminal = Terminal()
        let format = logFormat ?? LogOutput.format(&environment)
        let logger = LogOutput.logger(
            format: format, level: logLevel ?? environment.text("SENTINODE_LOG_LEVEL"), terminal: terminal,
            problems: &environment)
        // Whoever reads JSON line by line must not meet anything else.
        func say(_ sentence: String) { format == .json ? logger.error("\(sentence)") : complain(sentence) }
        if let warning = SettingNames.warning() { logger.warning("\(warning)") }
        try reportingFailures(to: say) {
            let checkedSettings = try checked(environment, settings)
            let stop = try StopRequest()
            let progress = WorkerProgress()
            let signals = StopSignals(stop) { logger.info("\($0)") }
            let display = WorkDisplay(progress, terminal)
            defer { display.end(logger, format); signals.end() }
            try WorkerProcess(checkedSettings, stop: stop, progress: progress, logger: logger).run()
        }
    }

    private func workerSettings(_ environment: inout Environment) -> WorkerSettings? {
        let broker = environment.broker(connectionName: "sentinode work")
        let database = environment.database(applicationName: "sentinode work")
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let lanes = number(lanes, "--lanes", "SENTINODE_LANES", in: 1...256, &environment) ?? cores
        let batch = number(batch, "--batch", "SENTINODE_BATCH", in: 1...4096, &environment) ?? 64
        let linger = duration(linger, "--linger", "SENTINODE_LINGER", &environment) ?? 0.002
        let grace = duration(grace, "--grace", "SENTINODE_GRACE", &environment) ?? 30
        let patience = environment.seconds("SENTINODE_PATIENCE") ?? 300
        let bodyLimit = environment.integer("SENTINODE_BODY_LIMIT", in: 1024...(1 << 28)) ?? defaultBodyLimit
        let attributes = environment.text("SENTINODE_ATTRIBUTES").map { text in
            Set(text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
        }
        let reviewKey = environment.reviewKey()
        let passive = environment.declaresPassively()
        guard let broker, let database else { return nil }
        var settings = WorkerSettings(broker: broker, database: database)
        (settings.lanes, settings.batch, settings.linger, settings.grace) = (lanes, batch, linger, grace)
        (settings.patience, settings.bodyLimit, settings.attributesAllowed) = (patience, bodyLimit, attributes)
        (settings.drains, settings.declaresPassively, settings.reviewKey) = (drain, passive, reviewKey)
        return settings
    }

    private func number(
        _ flag: Int?, _ name: String, _ variable: String, in range: ClosedRange<Int>, _ environment: inout Environment
    ) -> Int? {
        guard let flag else { return environment.integer(variable, in: range) }
        if !range.contains(flag) {
            environment.add(problem: "\(name) is not from \(range.lowerBound) to \(range.upperBound)")
        }
        return flag
    }

    private func duration(
        _ flag: String?, _ name: String, _ variable: String, _ environment: inout Environment
    ) -> Double? {
        guard let flag else { return environment.seconds(variable) }
        guard let seconds = Environment.seconds(flag) else {
            environment.add(problem: "\(name) is not a duration such as 2ms, 30s or 5m")
            return nil
        }
        return seconds
    }
}
