/// Names what one transaction sees, so that other sessions of the same server can see exactly that.
public struct SnapshotName: Sendable {
    fileprivate let text: String
}

extension DatabaseConnection {
    /// The name of what this transaction sees; it is good until the transaction ends. A hot standby gives one as well.
    public func exportSnapshot() throws(DatabaseError) -> SnapshotName {
        let text = try query("select pg_catalog.pg_export_snapshot() as name").onlyRow().text("name")
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || isLetterOrDash($0) }) else {
            throw DatabaseError(
                operation: "exporting a snapshot", sqlstate: "08P01", message: "its name is not one that can be used")
        }
        return SnapshotName(text: text)
    }

    /// Called first in a transaction of one moment: it sees what the exporter sees.
    public func adopt(_ snapshot: SnapshotName) throws(DatabaseError) {
        try run(script: "SET TRANSACTION SNAPSHOT '\(snapshot.text)'")
    }
}

private func isLetterOrDash(_ byte: UInt8) -> Bool {
    UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte || byte == UInt8(ascii: "-")
}
