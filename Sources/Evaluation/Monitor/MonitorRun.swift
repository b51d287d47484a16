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
            .init("run_id", .uuid), .init("as_of", .timestamptz), .init("windows_until", .timestamptz),
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
    let asOf: Timestamp
    let windowsUntil: Timestamp
    /// The kinds that it computed.
    let windows: Set<WindowKind>

    static func newest(_ connection: DatabaseConnection) throws -> PreviousRun? {
        try connection.query(
            "select as_of, windows_until, " + WindowKind.storedColumn
                + " from monitor.runs order by recorded_at desc limit 1"
        ).first.map {
            PreviousRun(
                asOf: try $0.timestamp("as_of"), windowsUntil: try $0.timestamp("windows_until"),
                windows: try WindowKind.stored($0))
        }
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
