import AuditTrail
public import Database
public import Foundation

/// What one run of the monitor did.
public struct MonitorRun: Sendable {
    public let id: UUID
    public let asOf: Timestamp
    /// Windows that ended by then are computed.
    public let windowsUntil: Timestamp
    public let windows: Int
    public let measurements: Int
    public let digest: [UInt8]
    public let raised: [String]
    public let resolved: [String]
    /// Alerts that stand open after it.
    public let open: Int
}

/// A run as it is stored: a row of `monitor.runs`.
struct MonitorRunRow: AuditedRow {
    let id: UUID
    let number: Int64
    let asOf: Timestamp
    let windowsUntil: Timestamp
    let program: String
    let configuration: String
    let sealHeads: [SignedHead]
    let windows: Int
    let measurements: Int
    let digest: [UInt8]
    let recordedAt: Timestamp
    let recordedBy: String

    static let table = AuditedTable(
        "monitor.runs",
        [
            .init("run_id", .uuid), .init("number", .bigint), .init("as_of", .timestamptz),
            .init("windows_until", .timestamptz),
            .init("program", .text), .init("configuration_source", .text), .init("seal_heads", .bytea),
            .init("windows", .integer), .init("measurements", .integer), .init("measurements_sha256", .bytea),
            .init("recorded_at", .timestamptz), .init("recorded_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("as_of", .timestamp(asOf.microseconds)),
            Column("configuration_source", .text(configuration)),
            stamp.leaf,
            Column("measurements", .integer(Int64(measurements))),
            Column("measurements_sha256", .bytes(digest)),
            Column("number", .integer(number)),
            Column("program", .text(program)),
            Column("recorded_at", .timestamp(recordedAt.microseconds)),
            Column("recorded_by", .text(recordedBy)),
            Column("run_id", .uuid(id)),
            stamp.saltColumn,
            stamp.seal,
            Column("seal_heads", .bytes(sealHeads.flatMap(\.packed))),
            Column("windows", .integer(Int64(windows))),
            Column("windows_until", .timestamp(windowsUntil.microseconds)),
            stamp.writer,
        ]
    }
}

/// The run that was stored last.
struct PreviousRun {
    let number: Int64
    /// What is known since then is new; earlier than the run's own time where the clock was set back.
    let asOf: Timestamp
    /// Windows that end later are to be computed, those that the clock ran through twice among them.
    let windowsUntil: Timestamp
    /// The kinds that it computed.
    let windows: Set<WindowKind>
    /// The time to which the database's clock was set back since.
    let clockWentBackTo: Timestamp?

    /// Newest first, whatever the clock said.
    static let newestFirst: SQL = "number desc nulls last, recorded_at desc"

    static func newest(asOf now: Timestamp, _ connection: DatabaseConnection) throws -> PreviousRun? {
        let rows = try connection.query(
            "select run_id, coalesce(number, 0) as number, as_of, windows_until, " + WindowKind.storedColumn
                + " from monitor.runs order by " + newestFirst + " limit 1")
        guard let row = rows.first else { return nil }
        let (asOf, windowsUntil) = (try row.timestamp("as_of"), try row.timestamp("windows_until"))
        let back = try DatabaseClock(connection: connection, now: now).wentBack(
            since: asOf, afterRow: "monitor.runs where run_id = $3", .uuid(try row.uuid("run_id")))
        return PreviousRun(
            number: try row.int8("number"), asOf: min(asOf, back ?? asOf),
            windowsUntil: min(windowsUntil, back?.hour ?? windowsUntil), windows: try WindowKind.stored(row),
            clockWentBackTo: back)
    }
}

extension SignedHead {
    /// The chains that have grown since a time, and how far.
    static func grown(since: Timestamp?, _ connection: DatabaseConnection) throws -> [SignedHead] {
        try connection.query(
            """
            select grown.writer, grown.number, seals.seal
            from (select writer, max(seal) as number from audit.events where occurred_at >= $1 group by writer) as grown
            join audit.seals on seals.writer = grown.writer and seals.number = grown.number
            order by grown.writer
            """, [.timestamp(since ?? Timestamp(microseconds: 0))]
        ).map {
            SignedHead(writer: try $0.uuid("writer"), number: try $0.int8("number"), seal: try $0.bytes("seal"))
        }
    }
}
