import Database
import Foundation

/// How a verification is cut into slices.
struct AuditPlan: Sendable {
    /// Events of one slice where nobody says otherwise: with 64 rows each about 65,000 leaves, some 10 MB.
    static let usualSize: Int64 = 1024

    private(set) var slices: [AuditSlice]
    /// Seals in all slices, for the progress bar.
    let seals: Int

    init(
        _ scope: AuditScope, _ tables: [StampedTable], _ connection: DatabaseConnection, size: Int64 = usualSize
    ) throws {
        switch scope {
        case .everything: self = try AuditPlan(everythingIn: connection, size)
        case .since(let time):
            let chains = try connection.query(AuditPlan.sinceSQL, [.timestamp(time)])
            let count = try chains.reduce(0) { $0 + Int(try $1.int8("count")) }
            self = AuditPlan(spans: try chains.flatMap { try AuditPlan.spans($0, size) }, seals: count, size)
        case .slide(let slide):
            let spans = try tables.filter { $0.position(of: "slide_id") != nil }.flatMap { table in
                try connection.query(
                    "select distinct writer, seal from " + table.source + " where slide_id = $1", [.text(slide)]
                ).map { EventPosition(writer: try $0.uuid("writer"), seal: try $0.int8("seal")) }
            }
            let positions = Set(spans).sorted()
            self = AuditPlan(
                spans: positions.map { SealSpan(writer: $0.writer, first: $0.seal, last: $0.seal) },
                seals: positions.count, size)
        }
    }

    /// Slices begin wherever so many seals have gone by; together they hold every position that there can be.
    private init(everythingIn connection: DatabaseConnection, _ size: Int64) throws {
        let borders = try connection.query(AuditPlan.bordersSQL, [.int8(size)]).map { row in
            EventPosition(writer: try row.uuid("writer"), seal: try row.int8("number"))
        }
        let starts = [nil] + borders
        slices = zip(starts, starts.dropFirst() + [nil]).map { AuditSlice.range(from: $0, to: $1) }
        seals = Int(try connection.query("select count(*) as count from audit.seals").onlyRow().int8("count"))
    }

    private init(spans: [SealSpan], seals: Int, _ size: Int64) {
        self.seals = seals
        // A span may hold a whole chain: fewer of them then make a slice.
        let average = max(1, seals / max(1, spans.count))
        let count = max(1, Int(size) / average)
        slices = stride(from: 0, to: spans.count, by: count).map { start in
            .spans(Array(spans[start..<min(start + count, spans.count)]))
        }
    }

    private static let bordersSQL: SQL = """
        select writer, number
        from (select writer, number, row_number() over (order by writer, number) as place from audit.seals) as placed
        where place % $1 = 0 order by writer, number
        """
    private static let sinceSQL: SQL = """
        select writer, min(seal) as first, count(*) as count
        from audit.events where occurred_at >= $1 group by writer order by writer
        """

    /// One chain in pieces of a slice's size. The last has no end, so that rows under seals that nobody made are met.
    private static func spans(_ chain: Row, _ size: Int64) throws -> [SealSpan] {
        let (writer, first, count) = (try chain.uuid("writer"), try chain.int8("first"), try chain.int8("count"))
        let pieces = max(1, count / size)
        return (0..<pieces).map { piece in
            let start = first &+ piece * size
            return SealSpan(
                writer: writer, first: start, last: piece == pieces - 1 ? .max : start &+ size - 1)
        }
    }
}
