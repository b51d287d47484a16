import AuditTrail
import Database
import Foundation

/// A row of `audit.seals`. A digest is nil where it is NULL or has another length than a digest.
struct StoredSeal {
    let position: EventPosition
    let previous: Digest?
    let leafCount: Int32?
    let root: Digest?
    let value: Digest?
}

/// A row of `audit.events`, digested.
struct StoredEvent {
    let position: EventPosition
    let digest: Digest
    let leaves: [Digest]
    let at: Timestamp?
}

/// A row of any other audited table, digested.
struct StoredLeaf {
    let position: EventPosition
    let leaf: Int32?
    /// Index of its table.
    let table: Int
    let hasSalt: Bool
    let holdsErasable: Bool
    let digest: Digest
}

/// A row that an erasure has cleared.
struct ErasedRemainder {
    let relation: String
    /// Digest of what it left of the row.
    let remainder: Digest
}

/// A row's place in the trail.
struct LeafPlace: Hashable {
    let position: EventPosition
    let leaf: Int32
}

/// Everything that stands in one slice, digested: each list in the order of positions.
struct SliceContent {
    private(set) var seals: [StoredSeal] = []
    private(set) var events: [StoredEvent] = []
    private(set) var leaves: [StoredLeaf] = []
    private(set) var erasures: [LeafPlace: ErasedRemainder] = [:]
    /// Rows read, by table, events among them.
    private(set) var rowsRead: [Int]

    /// Reads it through the digesters, of which there is one a table.
    init(
        _ slice: AuditSlice, _ tables: [StampedTable], _ digesters: [RowDigester], _ connection: DatabaseConnection
    ) throws {
        rowsRead = [Int](repeating: 0, count: tables.count)
        try readSeals(slice, connection)
        for (index, table) in tables.enumerated() { try read(table, index, digesters[index], slice, connection) }
        try readErasures(slice, connection)
        // Rows come in the order of the table, which is nearly this one.
        seals.sort { $0.position < $1.position }
        events.sort { $0.position < $1.position }
        leaves.sort {
            $0.position == $1.position ? ($0.leaf ?? .min) < ($1.leaf ?? .min) : $0.position < $1.position
        }
    }

    private mutating func readSeals(_ slice: AuditSlice, _ connection: DatabaseConnection) throws {
        let query =
            "select t.writer, t.number, t.previous, t.leaf_count, t.root, t.seal from audit.seals as t"
            + slice.clause(writer: "writer", seal: "number")
        try connection.copyOut(query) { row in
            let (writer, seal) = (
                try row.next().flatMap { uuid($0) }, try row.next().flatMap { number($0, as: Int64.self) }
            )
            let previous = try row.next().flatMap { Digest($0) }
            let count = try row.next().flatMap { number($0, as: Int32.self) }
            let (root, value) = (try row.next().flatMap { Digest($0) }, try row.next().flatMap { Digest($0) })
            guard let writer, let seal else { return }
            seals.append(
                StoredSeal(
                    position: EventPosition(writer: writer, seal: seal), previous: previous, leafCount: count,
                    root: root, value: value))
        }
    }

    private mutating func read(
        _ table: StampedTable, _ index: Int, _ digester: RowDigester, _ slice: AuditSlice,
        _ connection: DatabaseConnection
    ) throws {
        let query =
            "select " + table.selectList + " from " + table.source + " as t"
            + slice.clause(writer: "writer", seal: "seal")
        try connection.copyOut(query) { row in
            guard let stamped = try digester.read(&row) else { return }
            rowsRead[index] += 1
            if table.isEvents {
                events.append(
                    StoredEvent(
                        position: stamped.position, digest: stamped.digest, leaves: digester.leaves ?? [],
                        at: digester.occurredAt))
            } else {
                leaves.append(
                    StoredLeaf(
                        position: stamped.position, leaf: stamped.leaf, table: index, hasSalt: stamped.hasSalt,
                        holdsErasable: stamped.holdsErasable, digest: stamped.digest))
            }
        }
    }

    private mutating func readErasures(_ slice: AuditSlice, _ connection: DatabaseConnection) throws {
        let query =
            "select t.row_writer, t.row_seal, t.row_leaf, t.relation, t.remainder from (select * from audit.erased_rows as t where "
            + Erasable.isLawful + ") as t" + slice.clause(writer: "row_writer", seal: "row_seal")
        try connection.copyOut(query) { row in
            let (writer, seal) = (
                try row.next().flatMap { uuid($0) }, try row.next().flatMap { number($0, as: Int64.self) }
            )
            let leaf = try row.next().flatMap { number($0, as: Int32.self) }
            let relation = try row.next().map { String(decoding: $0, as: UTF8.self) }
            let remainder = try row.next().flatMap { Digest($0) }
            guard let writer, let seal, let leaf, let relation, let remainder else { return }
            let place = LeafPlace(position: EventPosition(writer: writer, seal: seal), leaf: leaf)
            erasures[place] = ErasedRemainder(relation: relation, remainder: remainder)
        }
    }
}
