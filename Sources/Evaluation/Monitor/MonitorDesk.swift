public import Database
public import Foundation

/// What people do about the monitor by hand, as the login of its database connection.
public struct MonitorDesk {
    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings) throws {
        connection = try DatabaseConnection(settings.patient(statementTimeout: 600))
    }

    /// Freezes the predictions of a period as the acceptance reference of a version: of the active one where none is
    /// named.
    public func freeze(version: String?, from: Timestamp, to: Timestamp, reason: String) throws -> FrozenReference {
        let version = try version ?? activeVersion()
        let id = try connection.query(
            "select monitor.freeze_reference($1, $2, $3, $4) as id",
            [.text(version), .timestamp(from), .timestamp(to), .text(reason)]
        ).onlyRow().uuid("id")
        let row = try connection.query(
            "select predictions, patches, slides from monitor.reference_profiles where reference_id = $1", [.uuid(id)]
        ).onlyRow()
        return FrozenReference(
            id: id, version: version, predictions: Int(try row.int8("predictions")),
            patches: Int(try row.int4("patches")), slides: Int(try row.int4("slides")))
    }

    public func acknowledge(_ alert: UUID, reason: String) throws {
        _ = try connection.query("select monitor.acknowledge($1, $2)", [.uuid(alert), .text(reason)])
    }

    public func resolve(_ alert: UUID, reason: String) throws {
        _ = try connection.query("select monitor.resolve($1, $2)", [.uuid(alert), .text(reason)])
    }

    /// Alerts that nobody resolved yet: the first cause's first, and the oldest first of each.
    public func openAlerts() throws -> [OpenAlert] {
        let alerts = try connection.query(
            "select alert_id, state, reason, raised_at from monitor.open_alerts order by " + AlertBook.oldestFirst
        ).map {
            OpenAlert(
                id: try $0.uuid("alert_id"), state: try $0.text("state"), reason: try $0.text("reason"),
                raisedAt: try $0.timestamp("raised_at"))
        }
        return AlertCause.sorted(alerts, reason: \.reason)
    }

    private func activeVersion() throws -> String {
        let rows = try connection.query(
            "select active_version from sentinode.control order by generation desc limit 1")
        guard let version = try rows.first?.optionalText("active_version") else {
            throw OperationError("no version is active, so name one with --model")
        }
        return version
    }
}

/// A reference that was just frozen.
public struct FrozenReference: Sendable {
    public let id: UUID
    public let version: String
    /// In the period.
    public let predictions: Int
    /// Kept of them.
    public let patches: Int
    /// 0 where none was named.
    public let slides: Int
}

/// An alert that waits for somebody.
public struct OpenAlert: Sendable {
    public let id: UUID
    public let state: String
    public let reason: String
    public let raisedAt: Timestamp
}
