import Database
import Monitoring

/// Reads what every figure of every subject of windows is computed from: profiles, labels and the acceptance references
/// as of one time.
final class WindowReader {
    private let connection: DatabaseConnection
    private let asOf: Timestamp
    private let until: Timestamp
    private let configuration: MonitorConfiguration
    private let shelf: ProfileShelf
    private var labels: LabelledPatches?
    /// The same, where they reach up to the run.
    private var labelsToDate: LabelledPatches?
    private var censuses: [MonitorWindow: SlideCensus] = [:]
    private var standards: [Subject: AcceptanceStandard] = [:]
    private var references: [String: (profile: ReferenceProfile, period: RecentPeriod)?] = [:]
    private var developments: [String: Result<DriftStandard, OperationError>]?
    private let thresholds: ThresholdShelf
    private var embeddings: EmbeddingDrift?
    private var parts: Double?
    private var sumRestarts: SumRestarts?

    /// - Parameters:
    ///   - until: the end of the last window that the run covers.
    ///   - thresholds: of the same configuration.
    init(
        asOf: Timestamp, until: Timestamp, configuration: MonitorConfiguration, thresholds: ThresholdShelf,
        _ connection: DatabaseConnection
    ) {
        self.thresholds = thresholds
        self.asOf = asOf
        self.until = until
        self.configuration = configuration
        self.connection = connection
        shelf = ProfileShelf(connection)
    }

    /// Reads the labels that windows need, and `figuresToDate` where it is asked for, once for all of them.
    func prepare(_ windows: [MonitorWindow], andToDate: Bool = false) throws {
        var periods = windows.filter { $0.kind != .hour }.map { ($0.start, $0.end) }
        if andToDate { periods.append((startToDate, asOf)) }
        guard let from = periods.map(\.0).min(), let to = periods.map(\.1).max() else { return }
        labels = try LabelledPatches(from: from, to: to, connection)
        if andToDate { labelsToDate = labels }
    }

    private var startToDate: Timestamp { Timestamp(microseconds: asOf.microseconds - WindowKind.rolling.length) }

    /// The 28 days up to the run, also the hours that are not over: what a person looks at first.
    func figuresToDate() throws -> [PlacedMeasurement] {
        let start = startToDate
        let period = try RecentPeriod(from: start, to: asOf, labels: labelsToDate, connection)
        let subjects = try period.profiles.sorted { $0.key < $1.key }.map { subject, profile in
            SubjectFigures(
                subject: subject, profile: profile, patches: period.patches[subject] ?? [],
                standard: try standard(of: subject),
                widening: MonitorConfiguration.widening(parts: try alarmingParts()))
        }
        return SubjectFigures.measurements(of: subjects).map { PlacedMeasurement($0, from: start, toNow: asOf) }
    }

    /// - Parameter onlyLabels: what labels cannot change stands as it was computed before.
    func read(_ window: MonitorWindow, onlyLabels: Bool = false) throws -> WindowReading {
        let patches = window.kind == .hour ? [:] : labels?.subjects(from: window.start, to: window.end) ?? [:]
        let census = window.kind == .day && !onlyLabels ? try SlideCensus(of: window, connection) : nil
        if let census { censuses[window] = census }
        let subjects = try shelf.profiles(of: window).sorted { $0.key < $1.key }.map { subject, profile in
            let standard = try standard(of: subject)
            var figures = SubjectFigures(
                subject: subject, profile: profile, patches: patches[subject] ?? [], standard: standard,
                widening: MonitorConfiguration.widening(parts: try alarmingParts()), isHour: window.kind == .hour,
                onlyLabels: onlyLabels)
            if window.kind == MonitorConfiguration.performanceAlarms, subject.canAlarm, standard.reference != nil {
                figures.sums = try sums(subject, window)
            }
            if !onlyLabels {
                figures.drift = try drift(subject, window, profile, census?.slides(of: subject), standard.reference)
            }
            return figures
        }
        var figures: [Measurement] = []
        if window.kind == MonitorConfiguration.driftAlarms, !onlyLabels { figures += try embeddingDrift(window) }
        if window.kind == .day, !onlyLabels {
            figures += try OperationsMeasurements(connection: connection).measurements(of: window)
        }
        return WindowReading(window: window, subjects: subjects, figures: figures)
    }

    private func sums(_ subject: Subject, _ window: MonitorWindow) throws -> SubjectFigures.Sums {
        let days = try MonitorWindow.ending(after: window.start, by: window.end, .day).compactMap { day in
            try shelf.day(day.start)[subject].map { profile in
                MonitoredDay(start: day.start, profile: profile, slides: try census(of: day).slides(of: subject))
            }
        }
        let restarts = try restarts()
        return SubjectFigures.Sums(
            window: window, days: days, resolved: { restarts.latest($0, of: subject, by: window.end) },
            daysBetweenFalseAlarms: configuration.daysBetweenFalseSums(parts: try alarmingParts()))
    }

    /// Counted at most once in a database: a day that is over never gets another slide.
    private func census(of day: MonitorWindow) throws -> SlideCensus {
        if let known = censuses[day] { return known }
        let census = try SlideCensus(storedOf: day, connection) ?? SlideCensus(of: day, connection)
        censuses[day] = census
        return census
    }

    private func restarts() throws -> SumRestarts {
        if let sumRestarts { return sumRestarts }
        let made = try SumRestarts(asOf: asOf, connection)
        sumRestarts = made
        return made
    }

    /// An hour without a reference has nothing to say of drift.
    private func drift(
        _ subject: Subject, _ window: MonitorWindow, _ profile: PredictionProfile, _ slides: Int?,
        _ reference: ReferenceProfile?
    ) throws -> DriftMeasurements? {
        if window.kind == .hour, reference == nil { return nil }
        let alarms = window.kind == MonitorConfiguration.driftAlarms && subject.canAlarm
        return DriftMeasurements(
            subject: subject, window: window, profile: profile, slides: slides, reference: reference,
            development: reference == nil ? try development(of: subject.version) : nil,
            thresholds: alarms ? thresholds.thresholds(parts: try alarmingParts()) : nil)
    }

    private func development(of version: String) throws -> Result<DriftStandard, OperationError>? {
        let known =
            try developments
            ?? DevelopmentProfile.all(connection).mapValues { $0.map { DriftStandard($0.sample) } }
        developments = known
        return known[version]
    }

    private func embeddingDrift(_ window: MonitorWindow) throws -> [Measurement] {
        let drift =
            try embeddings
            ?? EmbeddingDrift(budget: configuration.embeddingBudget(parts: alarmingParts()), connection)
        embeddings = drift
        return try drift.samples(of: window).sorted { $0.key < $1.key }.compactMap { subject, sample in
            try standard(of: subject).reference.map { drift.measurement(subject, sample, $0) }
        }
    }

    /// Parts of what versions decided lately that can alarm: overall and each site, of the versions that are compared with
    /// a reference.
    private func alarmingParts() throws -> Double {
        if let parts { return parts }
        let row = try connection.query(
            """
            select count(distinct model_version) + count(distinct (model_version, site)) filter (where site <> '') as parts
            from monitor.hourly_profiles where hour < $1 and hour >= $2
                and model_version in (select model_version from monitor.reference_profiles where in_force_from < $3)
            """,
            [
                .timestamp(until),
                .timestamp(Timestamp(microseconds: until.microseconds - 2 * WindowKind.rolling.length)),
                .timestamp(asOf),
            ]
        ).onlyRow()
        let made = Double(max(1, try row.int8("parts")))
        parts = made
        return made
    }

    private func standard(of subject: Subject) throws -> AcceptanceStandard {
        if let known = standards[subject] { return known }
        let made = try makeStandard(subject)
        standards[subject] = made
        return made
    }

    private func makeStandard(_ subject: Subject) throws -> AcceptanceStandard {
        guard let (reference, period) = try reference(of: subject.version), let profile = period.profiles[subject]
        else {
            return AcceptanceStandard(subject, try reference(of: subject.version)?.profile)
        }
        return AcceptanceStandard(
            subject, reference, profile, period.patches[subject] ?? [], tolerance: configuration.tolerance,
            widening: MonitorConfiguration.widening(parts: try alarmingParts()))
    }

    private func reference(of version: String) throws -> (profile: ReferenceProfile, period: RecentPeriod)? {
        if let known = references[version] { return known }
        let profile = try ReferenceProfile.newest(of: version, asOf: asOf, connection)
        let made = try profile.map { ($0, try RecentPeriod(from: $0.start, to: $0.end, connection)) }
        references[version] = .some(made)
        return made
    }
}

/// Profiles and labels of a time that need not begin or end with an hour, read from the predictions themselves where an
/// hour is not whole.
struct RecentPeriod {
    private(set) var profiles: [Subject: PredictionProfile] = [:]
    let patches: [Subject: [LabelledPatch]]

    /// - Parameter labels: of a time that covers it; nil reads them.
    init(
        from: Timestamp, to: Timestamp, labels: LabelledPatches? = nil, _ connection: DatabaseConnection
    ) throws {
        let labels = try labels ?? LabelledPatches(from: from, to: to, connection)
        patches = labels.subjects(from: from, to: to)
        let counted = try connection.query("select max(hour) + interval '1 hour' as until from monitor.hours")
            .onlyRow().optionalTimestamp("until")
        let first = Timestamp(microseconds: from.hour.microseconds + MonitorWindow.hour)
        let last = min(to.hour, counted ?? first)
        guard first < last else {
            try read(from, to, connection)
            return
        }
        try read(from, first, connection)
        profiles.merge(try ProfileShelf(connection).profiles(from: first, to: last)) { $0.adding($1) }
        try read(last, to, connection)
    }

    private mutating func read(_ from: Timestamp, _ to: Timestamp, _ connection: DatabaseConnection) throws {
        guard from < to else { return }
        var reader = try ProfiledRow(connection)
        var counted: [Subject: PredictionProfile] = [:]
        try connection.copyOut(ProfiledRow.query(from: from, to: to)) { row in
            let patch = try reader.read(&row)
            for segment in patch.origin.segments {
                counted[Subject(version: patch.version, segment: segment), default: PredictionProfile()]
                    .add(patch.counted)
            }
        }
        profiles.merge(counted) { $0.adding($1) }
    }
}

extension PredictionProfile {
    fileprivate func adding(_ other: PredictionProfile) -> PredictionProfile {
        var sum = self
        sum += other
        return sum
    }
}
