import ArgumentParser
import Evaluation
import Logging

/// Options of what runs once, or again and again as a service.
struct ServiceOptions: ParsableArguments {
    @Option(help: "Do it again and again, with so much time between: 10m, 1h, 24h.")
    var every: String?
    @Option(help: "How log lines look: text or json.")
    var logFormat: LogFormat?

    func logger(_ environment: inout Environment) -> Logger {
        LogOutput.logger(
            format: logFormat ?? LogOutput.format(&environment), level: environment.text("SENTINODE_LOG_LEVEL"),
            terminal: Terminal(), problems: &environment)
    }

    /// Seconds between two rounds; nil for one round.
    func interval(_ environment: inout Environment) -> Double? {
        let seconds = every.flatMap(Environment.seconds)
        if every != nil, (seconds ?? 0) < 1 {
            environment.add(problem: "--every is not a duration of a second or more such as 10m, 1h or 24h")
        }
        return seconds
    }
}
