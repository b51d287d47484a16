import Database

/// What an erasure clears of a table's rows, beside the salt: the only columns that may be missing where a leaf cannot be
/// computed again.
struct Erasable {
    let table: String
    /// Sorted by name, the salt among them.
    let columns: [String]

    /// As `review.erase` clears them.
    static let all = [
        Erasable(
            table: Prediction.table.name,
            columns: ["attributes_source", "case_pseudonym", "message_id", "salt", "slide_id", "x", "y"]),
        Erasable(
            table: QuarantinedMessage.table.name,
            columns: ["headers_amqp", "headers_source", "payload", "properties_source", "salt"]),
        Erasable(table: "review.labels", columns: ["comment", "reason", "salt", "slide_id"]),
    ]

    /// Actions under which rows are erased.
    static let actions = ["case.erased", "slide.erased"]

    /// Of this table; empty where nothing of it is ever erased.
    static func columns(of table: String) -> Set<String> {
        Set(all.first { $0.table == table }?.columns ?? [])
    }

    /// A condition on `t`, a row of `audit.erased_rows`: an erasure's event seals it, and it names what that clears.
    static var isLawful: SQL {
        let kinds = all.map { kind in
            "(t.relation = " + SQL.quoted(kind.table) + " and t.columns = "
                + SQL.quoted(kind.columns.joined(separator: " ")) + ")"
        }
        return "(" + SQL.joined(kinds, separator: " or ") + ") and exists (select from audit.events as event "
            + "where event.writer = t.writer and event.seal = t.seal and event.action in ("
            + SQL.joined(actions.map { SQL.quoted($0) }, separator: ", ") + "))"
    }
}
