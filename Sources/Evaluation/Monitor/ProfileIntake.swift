import Database

/// Counts the predictions of whole hours, each once, into `monitor.hourly_profiles`.
struct ProfileIntake {
    let connection: DatabaseConnection

    private struct Key: Hashable, Comparable {
        let version: String
        let origin: Origin

        static func < (left: Key, right: Key) -> Bool { (left.version, left.origin) < (right.version, right.origin) }
    }

    /// Hours that one transaction counts.
    private static let most: Int64 = 24

    /// Counts the hours from the first that was not counted yet to `until`, a whole hour; `progress` is told how far it
    /// is. What was counted stays counted, whatever happens later.
    ///
    /// - Returns: the first hour counted by this call; nil where nothing was new.
    func run(until: Timestamp, progress: (Timestamp) -> Void, isStopped: () -> Bool) throws -> Timestamp? {
        try discard(
            from: connection.query(
                "select min(hour) as first from monitor.hours where layout <> $1", [.int4(PredictionProfile.layout)]
            ).onlyRow().optionalTimestamp("first"))
        try discardRepeatedHours(now: until)
        guard let first = try firstMissingHour(before: until) else { return nil }
        var from = first
        while from < until, !isStopped() {
            let day = MonitorWindow.floor(from.microseconds, .day) + ProfileIntake.most * MonitorWindow.hour
            let to = Timestamp(microseconds: min(until.microseconds, day))
            try connection.transaction { _ in try count(from, to) }
            progress(to)
            from = to
        }
        return first
    }

    /// Hours that the clock ran through again after they were counted, and those that are not over any more.
    private func discardRepeatedHours(now: Timestamp) throws {
        guard
            let last = try connection.query("select max(hour) as last from monitor.hours").onlyRow()
                .optionalTimestamp("last")
        else { return }
        let end = Timestamp(microseconds: last.microseconds + MonitorWindow.hour)
        let back = try DatabaseClock(connection: connection, now: now).wentBack(
            since: end, afterRow: "monitor.hours where hour = $3", .timestamp(last))
        try discard(from: back?.hour)
    }

    /// They are counted anew.
    private func discard(from hour: Timestamp?) throws {
        guard let hour else { return }
        try connection.transaction { _ in
            _ = try connection.query("delete from monitor.hourly_profiles where hour >= $1", [.timestamp(hour)])
            _ = try connection.query("delete from monitor.hours where hour >= $1", [.timestamp(hour)])
        }
    }

    private func firstMissingHour(before until: Timestamp) throws -> Timestamp? {
        let row = try connection.query(
            """
            select coalesce(
                (select max(hour) + interval '1 hour' from monitor.hours),
                date_trunc('hour', (select min(coalesce(stored_at, predicted_at)) from sentinode.predictions), 'UTC')
            ) as hour
            """
        ).onlyRow()
        return try row.optionalTimestamp("hour").flatMap { $0 < until ? $0 : nil }
    }

    private func count(_ from: Timestamp, _ to: Timestamp) throws {
        var hours: [Timestamp: [Key: PredictionProfile]] = [:]
        for hour in stride(from: from.microseconds, to: to.microseconds, by: Int(MonitorWindow.hour)) {
            hours[Timestamp(microseconds: hour)] = [:]
        }
        var reader = try ProfiledRow(connection)
        try connection.copyOut(ProfiledRow.query(from: from, to: to)) { row in
            let patch = try reader.read(&row)
            hours[patch.storedAt.hour]?[
                Key(version: patch.version, origin: patch.origin), default: PredictionProfile()
            ].add(patch.counted)
        }
        for (hour, profiles) in hours.sorted(by: { $0.key < $1.key }) { try store(profiles, of: hour) }
    }

    private func store(_ profiles: [Key: PredictionProfile], of hour: Timestamp) throws {
        let sorted = profiles.sorted { $0.key < $1.key }
        _ = try connection.query(
            """
            insert into monitor.hourly_profiles (hour, model_version, site, scanner, stain, predictions, profile)
            select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bytea[])
            """,
            [
                .timestamp(hour), .textArray(sorted.map(\.key.version)), .textArray(sorted.map(\.key.origin.site)),
                .textArray(sorted.map(\.key.origin.scanner)), .textArray(sorted.map(\.key.origin.stain)),
                .int4Array(sorted.map { Int32($0.value.predictions) }), .bytesArray(sorted.map(\.value.packed)),
            ])
        _ = try connection.query(
            "insert into monitor.hours (hour, predictions, layout) values ($1, $2, $3)",
            [
                .timestamp(hour), .int8(sorted.reduce(0) { $0 + $1.value.predictions }),
                .int4(PredictionProfile.layout),
            ])
    }
}

/// A prediction as the intake reads it.
struct ProfiledRow {
    struct Patch {
        let storedAt: Timestamp
        let version: String
        let origin: Origin
        let counted: ProfiledPatch
    }

    private let scopes: [String: DeclaredScope]
    /// The texts that came last: they repeat from row to row, and making them anew would cost most of the reading.
    private var texts: [[UInt8]: String] = [:]

    init(_ connection: DatabaseConnection) throws {
        let rows = try connection.query(
            """
            select name, mpp_low, mpp_high, stains from sentinode.model_versions
            where mpp_low is not null or stains is not null
            """)
        scopes = Dictionary(uniqueKeysWithValues: try rows.map { (try $0.text("name"), try DeclaredScope($0)) })
    }

    static func query(from: Timestamp, to: Timestamp) -> SQL {
        """
        select coalesce(stored_at, predicted_at), model_version, site, scanner, stain, mpp, p_tumor >= threshold,
            decision = 'uncertain', review_reason, selection_probability,
        """ + MonitoredStatistic.columns + " from sentinode.predictions where " + storedBetween(from, to)
    }

    mutating func read(_ row: inout CopiedRow) throws -> Patch {
        guard let storedAt = try row.timestamp() else {
            throw OperationError("a prediction has no time of its storing")
        }
        let version = text(try row.next())
        let origin = Origin(site: text(try row.next()), scanner: text(try row.next()), stain: text(try row.next()))
        let mpp = try row.float8()
        let position = scopes[version]?.position(mpp: mpp, stain: origin.stain)
        let isCalledTumor = try row.bool() ?? false
        let isUncertain = try row.bool() ?? false
        let reason = text(try row.next())
        let probability = try row.float8() ?? 0
        let figures = try MonitoredStatistic.allCases.map { _ in try row.float4() ?? .nan }
        return Patch(
            storedAt: storedAt, version: version, origin: origin,
            counted: ProfiledPatch(
                isCalledTumor: isCalledTumor, isUncertain: isUncertain,
                stratum: ReviewStratum(reason: reason, isCalledTumor: isCalledTumor), selectionProbability: probability,
                position: position, figures: figures))
    }

    private mutating func text(_ bytes: UnsafeRawBufferPointer?) -> String {
        guard let bytes, !bytes.isEmpty else { return "" }
        let key = Array(bytes)
        if let known = texts[key] { return known }
        let new = String(decoding: bytes, as: UTF8.self)
        texts[key] = new
        return new
    }
}

/// The window as a condition on predictions that the index by storing answers.
func storedBetween(_ from: Timestamp, _ to: Timestamp) -> SQL {
    "coalesce(stored_at, predicted_at) >= " + time(from) + " and coalesce(stored_at, predicted_at) < " + time(to)
}

/// A time within the text, for COPY, which takes no parameters.
func time(_ time: Timestamp) -> SQL {
    "(timestamptz 'epoch' + " + SQL.literal(time.microseconds) + " * interval '1 microsecond')"
}
