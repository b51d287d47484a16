public import Database
import AuditTrail
import Foundation
import MessageBroker
public import Logging

/// `sentinode monitor`: computes every window that ended since the last run, and those whose labels changed since, and
/// stores them as one run; once, or again and again.
public final class MonitorJob {
    public struct Settings: Sendable {
        public let database: DatabaseSettings
        public let configuration: MonitorConfiguration
        public let program: String
        /// Computes, and stores nothing.
        public let isDryRun: Bool
        /// What is announced of alerts is posted there.
        public let webhook: Webhook?

        public init(
            database: DatabaseSettings, configuration: MonitorConfiguration, program: String, isDryRun: Bool = false,
            webhook: Webhook? = nil
        ) {
            self.database = database
            self.configuration = configuration
            self.program = program
            self.isDryRun = isDryRun
            self.webhook = webhook
        }
    }

    /// How far a round is.
    public enum Progress: Sendable {
        /// Predictions are counted up to then.
        case counted(Timestamp)
        case computed(windows: Int, of: Int)
    }

    let settings: Settings
    private let stop: StopRequest
    private let logger: Logger
    private let thresholds: ThresholdShelf

    /// Seconds that one statement may take: the first run reads everything there is.
    static let statementTimeout = 1800.0
    /// Microseconds behind which the as-of time should not fall.
    private static let longUnsettled: Int64 = 600_000_000
    /// Seconds after which one that stands by tries again to lead, at the latest.
    private static let standby = 60.0
    /// Seconds between two looks at what waits for the webhook.
    private static let webhookInterval = 10.0

    public init(_ settings: Settings, stop: StopRequest, logger: Logger) {
        self.settings = settings
        self.stop = stop
        thresholds = ThresholdShelf(settings.configuration)
        self.logger = logger
    }

    /// One round: as many runs as it takes to have computed every window that has ended. `progress` is told how far.
    ///
    /// Where a stop was requested, what was stored by then stays, and the next round goes on from there.
    ///
    /// - Throws: `AnotherMonitorLeads`.
    public func run(progress: (Progress) -> Void = { _ in }) throws -> [MonitorRun] {
        let connection = try DatabaseConnection(
            settings.database.patient(statementTimeout: MonitorJob.statementTimeout))
        try lead(connection)
        // A failed round leaves its session, and with it the lock, to end here.
        defer { connection.close() }
        if settings.webhook != nil, !settings.isDryRun { try WebhookQueue(connection: connection).begin() }
        let ledger = try Ledger(connection)
        var runs: [MonitorRun] = []
        var rehearsal = settings.isDryRun ? Rehearsal(book: try AlertBook(connection)) : nil
        while !stop.isRequested {
            guard let (run, isPartial) = try runOnce(ledger, &rehearsal, progress) else { return runs }
            runs.append(run)
            if !isPartial { return runs }
        }
        return runs
    }

    /// A round every `seconds` until a stop is requested; while the database is away, it is tried again.
    public func run(every seconds: Double, told: (Result<[MonitorRun], any Error>) -> Void) throws {
        let backoff = Backoff()
        var failures = 0
        var standsBy = false
        var due = ContinuousClock.now
        while !stop.isRequested {
            do {
                told(.success(try run()))
                (failures, standsBy) = (0, false)
                due = max(due + .seconds(seconds), .now)
            } catch let error as AnotherMonitorLeads {
                if !standsBy { logger.info("\(error); standing by") }
                standsBy = true
                due = .now + .seconds(min(seconds, MonitorJob.standby))
            } catch let error as DatabaseError where error.isTransient {
                failures += 1
                told(.failure(error))
                due = .now + .seconds(backoff.delay(afterAttempt: failures, jitter: .random(in: 0..<1)))
            }
            try rest(until: due, delivers: failures == 0)
        }
    }

    /// Waits for the next round; what people say of alerts meanwhile goes to the webhook.
    private func rest(until due: ContinuousClock.Instant, delivers: Bool) throws {
        repeat {
            if delivers {
                do {
                    _ = try deliver()
                } catch let error as DatabaseError where error.isTransient {
                    logger.warning("what waits for the webhook could not be read and is tried again: \(error)")
                }
            }
            let left = max(0, (due - .now) / .seconds(1))
            if stop.wait(seconds: settings.webhook == nil ? left : min(left, MonitorJob.webhookInterval)) { return }
        } while due > .now
    }

    /// Posts what waits for the webhook, and tries for so many seconds again what it does not take.
    public func deliver(retryingFor seconds: Double = 0) throws -> WebhookBacklog {
        let connection = try DatabaseConnection(settings.database)
        defer { connection.close() }
        return try AlertDelivery(
            webhook: settings.webhook, queue: WebhookQueue(connection: connection), stop: stop, logger: logger
        ).deliver(retryingFor: seconds)
    }

    /// One monitor of a database computes at a time: two would store everything twice.
    private func lead(_ connection: DatabaseConnection) throws {
        let leads = try connection.query("select pg_try_advisory_lock(1397050964, 4) as leads").onlyRow().bool("leads")
        guard leads else {
            throw AnotherMonitorLeads()
        }
    }

    /// What would be stored by now, in a round that stores nothing.
    private struct Rehearsal {
        var previous: PreviousRun?
        var book: AlertBook
    }

    /// nil where there is no prediction yet.
    private func runOnce(_ ledger: Ledger, _ rehearsal: inout Rehearsal?, _ progress: (Progress) -> Void) throws
        -> (MonitorRun, isPartial: Bool)?
    {
        let connection = ledger.connection
        let asOf = try connection.query("select review.set_as_of(review.settled_at()) as as_of").onlyRow()
            .timestamp("as_of")
        if Timestamp.now.microseconds - asOf.microseconds > MonitorJob.longUnsettled {
            logger.warning(
                "an open transaction holds the time back as of which figures can be told; `sentinode doctor` names it",
                metadata: ["as_of": "\(asOf)"])
        }
        _ = try ProfileIntake(connection: connection).run(
            until: asOf.hour, progress: { progress(.counted($0)) }, isStopped: { stop.isRequested })
        if stop.isRequested { return nil }
        let previous = try rehearsal?.previous ?? PreviousRun.newest(asOf: asOf, connection)
        if let back = previous?.clockWentBackTo {
            logger.warning(
                "the database's clock was set back since the last run: windows that end after that time are computed anew",
                metadata: ["to": "\(back)"])
        }
        guard let begin = try firstHour(connection) else { return nil }
        let plan = try WindowPlan(
            of: settings.configuration.windows, after: previous, asOf: asOf, begin: begin, connection)
        tellOfAddedWindows(since: previous)
        let measurements = try compute(plan, asOf: asOf, connection, progress)
        if stop.isRequested { return nil }
        let run = try store(measurements, plan, asOf: asOf, since: previous, ledger, &rehearsal)
        rehearsal?.previous = PreviousRun(
            number: 1 + (previous?.number ?? 0), asOf: asOf, windowsUntil: plan.until,
            windows: settings.configuration.windows, clockWentBackTo: nil)
        return (run, plan.isPartial)
    }

    private func tellOfAddedWindows(since previous: PreviousRun?) {
        guard let previous else { return }
        for kind in WindowKind.allCases
        where settings.configuration.windows.contains(kind) && !previous.windows.contains(kind) {
            logger.notice(
                "windows of \(kind.rawValue) that ended while they were left out, by \(previous.windowsUntil), are not made up for"
            )
        }
    }

    private func firstHour(_ connection: DatabaseConnection) throws -> Timestamp? {
        try connection.query(
            """
            select coalesce(
                (select min(hour) from monitor.hours),
                date_trunc('hour', (select min(coalesce(stored_at, predicted_at)) from sentinode.predictions), 'UTC')
            ) as first
            """
        ).onlyRow().optionalTimestamp("first")
    }

    private func compute(
        _ plan: WindowPlan, asOf: Timestamp, _ connection: DatabaseConnection, _ progress: (Progress) -> Void
    ) throws -> [PlacedMeasurement] {
        let reader = WindowReader(
            asOf: asOf, until: plan.until, configuration: settings.configuration, thresholds: thresholds, connection)
        try reader.prepare(plan.windows, andToDate: !plan.isPartial)
        let line = WindowLine()
        for (number, window) in plan.windows.enumerated() where !stop.isRequested {
            line.add(try reader.read(window, onlyLabels: plan.relabelled.contains(window)))
            progress(.computed(windows: number + 1, of: plan.windows.count))
        }
        // Of the moment, a run that others follow at once says nothing.
        if plan.isPartial { return line.finish() }
        // The database is asked while the last windows are still computed.
        let operations = OperationsMeasurements(connection: connection)
        var now = try operations.now()
        if plan.windows.contains(where: { $0.kind == .day && !plan.relabelled.contains($0) }) {
            now += try operations.agreement(asOf: asOf)
        }
        return line.finish() + (try reader.figuresToDate())
            + now.map { PlacedMeasurement($0, from: asOf, toNow: asOf) } + (try operations.overridden())
    }

    private func store(
        _ measurements: [PlacedMeasurement], _ plan: WindowPlan, asOf: Timestamp, since previous: PreviousRun?,
        _ ledger: Ledger, _ rehearsal: inout Rehearsal?
    ) throws -> MonitorRun {
        let id = UUID()
        let digest = try PlacedMeasurement.digest(
            measurements.filter { $0.kind != PlacedMeasurement.now }, Hash(.sha256))
        func run(_ raised: [AlertRow], _ resolved: [AlertResolutionRow], open: Int) -> MonitorRun {
            MonitorRun(
                id: id, asOf: asOf, windowsUntil: plan.until, windows: plan.windows.count,
                measurements: measurements.count, digest: digest, raised: raised.map(\.reason),
                resolved: resolved.map(\.alert.text), open: open)
        }
        if rehearsal != nil {
            let raised = rehearsal?.book.raise(measurements, run: id, at: asOf, by: "") ?? []
            return run(raised, [], open: rehearsal?.book.open.count ?? 0)
        }
        return try ledger.transact(.none) { entry in
            let heads = try SignedHead.grown(since: previous?.asOf, entry.connection)
            _ = try entry.insert([
                MonitorRunRow(
                    id: id, number: 1 + (previous?.number ?? 0), asOf: asOf, windowsUntil: plan.until,
                    program: self.settings.program,
                    configuration: self.settings.configuration.json.text, sealHeads: heads, windows: plan.windows.count,
                    measurements: measurements.count, digest: digest, recordedAt: entry.at, recordedBy: entry.actor)
            ])
            try PlacedMeasurement.insert(measurements, run: id, entry.connection)
            var book = try AlertBook(entry.connection)
            let raised = book.raise(measurements, run: id, at: entry.at, by: entry.actor)
            _ = try entry.insert(raised)
            let over = try AlertBook.over(entry)
            _ = try entry.insert(over)
            try self.announce(raised, over, entry)
            let done = run(raised, over, open: book.open.count - over.count)
            return (done, self.event(done))
        }.value
    }

    private func announce(_ raised: [AlertRow], _ over: [AlertResolutionRow], _ entry: LedgerEntry) throws {
        let announcements = try raised.map { try Announcement($0) } + over.map { try Announcement($0) }
        guard !announcements.isEmpty else { return }
        try Outbox(connection: entry.connection).keep(
            announcements.flatMap { announcement in
                announcement.messages.map { (eventID: announcement.eventID, message: $0) }
            })
    }

    private func event(_ run: MonitorRun) -> AuditEvent {
        AuditEvent(
            action: "monitor.ran", subject: run.id.text,
            detail: .object([
                ("as_of", .string("\(run.asOf)")), ("windows_until", .string("\(run.windowsUntil)")),
                ("windows", .integer(Int64(run.windows))), ("measurements", .integer(Int64(run.measurements))),
                ("raised", .integer(Int64(run.raised.count))), ("resolved", .integer(Int64(run.resolved.count))),
            ]))
    }
}

/// Two monitors of one database would compute everything twice.
public struct AnotherMonitorLeads: Error, CustomStringConvertible {
    public var description: String { "another monitor of this database is at work, so this one computed nothing" }
}
