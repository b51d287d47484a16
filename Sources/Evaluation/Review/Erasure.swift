public import Database

/// Erases what names a case or a slide, as the login of its database connection.
///
/// The name travels as a parameter: no error and no log line holds it.
public final class Erasure {
    /// What is to be erased, named exactly as it was sent.
    public enum Subject: Sendable {
        case ofCase(String)
        case ofSlide(String)
    }

    /// How much is stored of it, and what the database says beside.
    public struct Extent: Sendable, Equatable {
        public let predictions: Int64
        public let quarantined: Int64
        public let labels: Int64
        public let images: Int64
        /// Such as where else the name stands, which stays.
        public let notices: [String]
    }

    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings) throws {
        connection = try DatabaseConnection(settings)
    }

    /// What `erase` would clear now.
    public func extent(of subject: Subject, reason: String) throws -> Extent {
        try call(subject, reason: reason, isDry: true)
    }

    /// Clears it in one transaction; digests stay as commitments that reveal nothing.
    public func erase(_ subject: Subject, reason: String) throws -> Extent {
        try call(subject, reason: reason, isDry: false)
    }

    private func call(_ subject: Subject, reason: String, isDry: Bool) throws -> Extent {
        let (sql, name): (SQL, String) =
            switch subject {
            case .ofCase(let name): ("select * from review.erase_case($1, $2, $3)", name)
            case .ofSlide(let name): ("select * from review.erase_slide($1, $2, $3)", name)
            }
        let row = try connection.query(sql, [.text(name), .text(reason), .bool(isDry)]).onlyRow()
        return Extent(
            predictions: try row.int8("predictions"), quarantined: try row.int8("quarantined"),
            labels: try row.int8("labels"), images: try row.int8("images"), notices: connection.takeNotices())
    }
}
