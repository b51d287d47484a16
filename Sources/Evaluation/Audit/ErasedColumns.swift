/// What the product's erasure clears, by table: `review.erase`, migrations/0015_stop_and_erasure.sql.
///
/// A row counts as erased only where it was cleared of exactly this, by an event that says so: else an erasure could be
/// alleged for every row that somebody changed.
enum ErasedColumns {
    /// As `audit.erased_rows` lists them; nil where rows of the table are never erased.
    static func list(of table: String) -> String? {
        switch table {
        case "sentinode.predictions": "attributes_source case_pseudonym message_id salt slide_id x y"
        case "sentinode.quarantined_messages": "headers_amqp headers_source payload properties_source salt"
        case "review.labels": "comment reason salt slide_id"
        default: nil
        }
    }

    static func names(of table: String) -> Set<String> {
        Set((list(of: table) ?? "").split(separator: " ").map(String.init))
    }

    /// Actions of the events that erase.
    static let actions: Set<String> = ["case.erased", "slide.erased"]
}
