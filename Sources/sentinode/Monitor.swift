import ArgumentParser
import Database
import Evaluation
import Foundation
import Logging

struct Monitor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure drift and performance against confirmed labels, and keep references and alerts.",
        discussion: """
            Examples:
              sentinode monitor
              sentinode monitor --every 1h                     a service, until SIGTERM
              sentinode monitor --report report.html
              sentinode monitor --webhook https://pager.example.org/alerts
              sentinode monitor --as-of 5d1c5a0e-...           computes a stored run again, and compares
              sentinode monitor reference freeze --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z \
              --reason "validated by Dr. Roe"
              sentinode monitor alerts
            """,
        subcommands: [Run.self, Reference.self, Alerts.self, Acknowledge.self, Resolve.self, Power.self],
        defaultSubcommand: Run.self)

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compute the windows that ended since the last run, and those whose labels changed.",
            discussion: """
                Figures are rows of monitor.measurements, alerts of monitor.alerts; monitor.rolling_performance, \
                monitor.drift and monitor.open_alerts are what to read first.

                Environment: SENTINODE_MONITOR_WEBHOOK (what --webhook names; where the address itself is a secret, use \
                SENTINODE_MONITOR_WEBHOOK_FILE), SENTINODE_MONITOR_WEBHOOK_SECRET (whsec_ and base64; what is posted is \
                signed with it), SENTINODE_LOG_LEVEL, SENTINODE_LOG_FORMAT.
                """)

        @OptionGroup var service: ServiceOptions
        @Flag(help: "Compute, and store no run and no alert.")
        var dryRun = false
        @Flag(help: "Exit with 1 while an alert stands open, or would after a dry run.")
        var failOnAlert = false
        @Option(help: "Compute a stored run again, by its id, and compare.")
        var asOf: JobID?
        @Option(help: "Write the report to this file, as one HTML page.")
        var report: String?
        @Flag(help: "Print the report as JSON.")
        var json = false
        @Option(help: "Days between false alarms of all drift figures together, on average, while nothing changes.")
        var daysBetweenFalseAlarms = 30.4
        @Option(help: "How far a figure may surely lie below the acceptance reference's before it alarms.")
        var tolerance = 0.03
        @Option(
            help: """
                The windows that are computed: some of hour, day, week and 28d, with commas between (default: all). \
                Drift alarms from day, performance from 28d.
                """,
            transform: Run.windowKinds)
        var windows: Set<WindowKind>?
        @Option(help: "Post what is announced of alerts to this address too: https, signed, retried until it is taken.")
        var webhook: String?

        /// Seconds for which one run tries again what the webhook does not take.
        private static let webhookPatience = 15.0

        func validate() throws {
            guard daysBetweenFalseAlarms > 1, daysBetweenFalseAlarms <= 3660 else {
                throw ValidationError("--days-between-false-alarms is a number of days above 1, 3660 at most")
            }
            guard tolerance >= 0, tolerance < 1 else {
                throw ValidationError("--tolerance is a share from 0 to below 1")
            }
            guard service.every == nil || !(dryRun || failOnAlert || json) else {
                throw ValidationError("--dry-run, --fail-on-alert and --json are for one run, without --every")
            }
            guard !dryRun || (report == nil && !json) else {
                throw ValidationError("--report and --json show the last run that was stored: leave out --dry-run")
            }
            let others = service.every ?? report ?? webhook
            guard asOf == nil || (others == nil && windows == nil && !dryRun && !failOnAlert && !json) else {
                throw ValidationError("--as-of computes a stored run again, and nothing else")
            }
        }

        private static func windowKinds(_ names: String) throws -> Set<WindowKind> {
            let kinds = names.split(separator: ",", omittingEmptySubsequences: false).map { name in
                WindowKind.allCases.first { $0.shortName == name.trimmingCharacters(in: .whitespaces) }
            }
            guard !kinds.contains(nil) else {
                let known = WindowKind.allCases.map(\.shortName).joined(separator: ", ")
                throw ValidationError("name some of \(known), with commas between")
            }
            return Set(kinds.compactMap { $0 })
        }

        func run() throws {
            try reportingFailures {
                var environment = Environment()
                let database = environment.database(applicationName: "sentinode monitor")
                let logger = service.logger(&environment)
                let seconds = service.interval(&environment)
                let webhook = environment.webhook(webhook)
                let settings = MonitorJob.Settings(
                    database: try checked(environment, database),
                    configuration: MonitorConfiguration(
                        daysBetweenFalseAlarms: daysBetweenFalseAlarms, tolerance: tolerance,
                        windows: windows ?? Set(WindowKind.allCases)),
                    program: try programIdentity(), isDryRun: dryRun, webhook: webhook)
                for sentence in settings.configuration.unalarmed { logger.warning("\(sentence)") }
                try checkReportsFolder()
                let stop = try StopRequest()
                let signals = StopSignals(stop) { logger.info("\($0)") }
                defer { signals.end() }
                let job = MonitorJob(settings, stop: stop, logger: logger)
                if let asOf {
                    try compare(job.reproduce(asOf.id))
                } else if let seconds {
                    try job.run(every: seconds) { tell($0, settings, logger) }
                } else {
                    try once(job, settings, stop)
                }
            }
        }

        private func once(_ job: MonitorJob, _ settings: MonitorJob.Settings, _ stop: StopRequest) throws {
            var line: ProgressLine?
            let runs = try job.run { progress in
                guard case .computed(let done, let total) = progress else { return }
                if done == 1 { line = ProgressLine(total: total, unit: "windows") }
                line?.show(done: done)
                if done == total { line?.end() }
            }
            if stop.isRequested {
                summarize(runs)
                complain("stopped before all was computed: the next run goes on from what is stored")
                throw Exit.stopped
            }
            let backlog = dryRun ? nil : try job.deliver(retryingFor: Run.webhookPatience)
            let alerts = try MonitorDesk(settings.database).openAlerts()
            try writeReport(settings)
            if json {
                print(try MonitorReport(settings.database).json)
            } else {
                if runs.isEmpty { print("nothing is stored yet that could be measured") }
                summarize(runs)
                if dryRun, let last = runs.last {
                    print(last.open == 1 ? "1 alert would stand open" : "\(last.open) alerts would stand open")
                } else {
                    summarize(alerts)
                }
                if let report { print("report: \(report)") }
                if let backlog { summarize(backlog) }
            }
            if failOnAlert, !alerts.isEmpty || runs.contains(where: { $0.open > 0 }) { throw Exit.problemFound }
        }

        private func compare(_ outcome: RunReproduction) throws {
            guard outcome.differing > 0 else {
                print("reproduced: \(outcome.measurements) measurements are the same, bit for bit")
                return
            }
            print("\(outcome.differing) of \(outcome.measurements) measurements differ, first \(outcome.first ?? "")")
            print(
                outcome.erasedSince > 0
                    ? "\(outcome.erasedSince) predictions were erased since: what they counted for cannot be told again"
                    : "no prediction was erased since: another program computed it, or rows were changed, which "
                        + "`sentinode audit verify` finds")
            throw Exit.problemFound
        }

        private func summarize(_ runs: [MonitorRun]) {
            for run in runs {
                print(
                    """
                    \(dryRun ? "would store" : "run \(run.id.text):") \(run.measurements) figures as of \
                    \(run.asOf), \(run.windows == 0 ? "no window has ended since" : "\(run.windows) windows to \(run.windowsUntil)")
                    """)
                for reason in run.raised { print("\(dryRun ? "would raise" : "alert"): \(reason)") }
                if !run.resolved.isEmpty { print("\(run.resolved.count) alerts resolved") }
            }
        }

        private func summarize(_ alerts: [OpenAlert]) {
            switch alerts.count {
            case 0: print("no alert is open")
            case 1: print("1 alert is open: \(alerts[0].reason)")
            default: print("\(alerts.count) alerts are open: `sentinode monitor alerts`")
            }
        }

        private func summarize(_ backlog: WebhookBacklog) {
            if backlog.delivered > 0 { print("webhook: \(backlog.delivered) announcements delivered") }
            if backlog.waiting > 0 {
                let reason = backlog.failure.map { ": \($0)" } ?? ""
                print("webhook: \(backlog.waiting) announcements wait\(reason)")
            }
        }

        private func tell(
            _ outcome: Result<[MonitorRun], any Error>, _ settings: MonitorJob.Settings, _ logger: Logger
        ) {
            switch outcome {
            case .failure(let error): logger.warning("the monitor's run failed and is tried again: \(error)")
            case .success(let runs):
                for run in runs {
                    logger.info(
                        "monitor ran",
                        metadata: [
                            "run": "\(run.id.text)", "windows": "\(run.windows)",
                            "measurements": "\(run.measurements)",
                            "raised": "\(run.raised.count)", "resolved": "\(run.resolved.count)", "open": "\(run.open)",
                        ])
                    for reason in run.raised { logger.warning("alert: \(reason)") }
                }
                do {
                    try writeReport(settings)
                } catch {
                    logger.error("the report was not written: \(error)")
                }
            }
        }

        /// A run is long: what is wrong is said before it.
        private func checkReportsFolder() throws {
            guard let report else { return }
            let folder = URL(filePath: report).deletingLastPathComponent().path
            guard FileManager.default.isWritableFile(atPath: folder) else {
                throw OperationError("\(report) cannot be written: is there the folder, and may you write there?")
            }
        }

        private func writeReport(_ settings: MonitorJob.Settings) throws {
            guard let report else { return }
            let html = try MonitorReport(settings.database).html
            do {
                try html.write(toFile: report, atomically: true, encoding: .utf8)
            } catch {
                throw OperationError("\(report) cannot be written: is there the folder, and may you write there?")
            }
        }
    }

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Freeze the local data that later predictions are compared with.", subcommands: [Freeze.self])

        struct Freeze: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Freeze the predictions of a period as the acceptance reference of a version.",
                discussion: """
                    Choose a period whose predictions were validated here. 20,000 of them at most are kept, drawn at \
                    random; the newest reference of a version is in force. Until there is one, nothing alarms.

                    Example:
                      sentinode monitor reference freeze --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z \
                    --reason "validated by Dr. Roe, report 12"
                    """)

            @Option(help: "Start of the period, as 2026-10-01 or 2026-10-01T06:00:00Z.") var from: Moment
            @Option(help: "Its end.") var to: Moment
            @Option(help: "Why this period; it stays with the reference.") var reason: Reason
            @Option(help: "The version; the active one without it.") var model: String?

            func run() throws {
                try reportingFailures {
                    let frozen = try MonitorDesk(databaseSettings("monitor", statementTimeout: 600)).freeze(
                        version: model, from: from.time, to: to.time, reason: reason.text)
                    print(
                        """
                        reference \(frozen.id.text) of \(frozen.version): \(frozen.patches) of \
                        \(frozen.predictions) predictions, \(frozen.slides) slides
                        """)
                    if frozen.slides == 0 {
                        complain("no slide is named, so limits cannot be made from it: nothing of drift will alarm")
                    }
                }
            }
        }
    }

    struct Alerts: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the alerts that nobody resolved yet.",
            discussion: """
                Example:
                  sentinode monitor alerts
                """)

        func run() throws {
            try reportingFailures {
                let alerts = try MonitorDesk(databaseSettings("monitor")).openAlerts()
                if alerts.isEmpty { print("no alert is open") }
                for alert in alerts {
                    print("\(alert.id.text)  \(alert.state)  \(alert.raisedAt)  \(alert.reason)")
                }
            }
        }
    }

    /// What a person says of an alert.
    struct Answer: ParsableArguments {
        @Argument(help: "Its id, as `sentinode monitor alerts` shows it.") var alert: JobID
        @Option(help: "Why; it stays with the alert.") var reason: Reason
    }

    struct Acknowledge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that somebody looks after an alert.",
            discussion: """
                Example:
                  sentinode monitor acknowledge 5d1c5a0e-... --reason "asking the laboratory about its stain"
                """)

        @OptionGroup var answer: Answer

        func run() throws {
            try reportingFailures {
                try MonitorDesk(databaseSettings("monitor")).acknowledge(
                    answer.alert.id, reason: answer.reason.text)
                print("acknowledged")
            }
        }
    }

    struct Resolve: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that an alert is over; the same condition can then raise another.",
            discussion: """
                Example:
                  sentinode monitor resolve 5d1c5a0e-... --reason "new stain batch, controls are well"
                """)

        @OptionGroup var answer: Answer

        func run() throws {
            try reportingFailures {
                try MonitorDesk(databaseSettings("monitor")).resolve(
                    answer.alert.id, reason: answer.reason.text)
                print("resolved")
            }
        }
    }
}
