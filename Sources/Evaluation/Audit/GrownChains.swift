import Database
import Foundation

/// The chains that have grown since the last checkpoint, as one statement's snapshot shows them.
struct GrownChains {
    private(set) var heads: [SignedHead] = []
    private(set) var seals: Int64 = 0
    /// Chains that began since.
    private(set) var begun: Int64 = 0
    /// Seals that waited, or were signed, and are not in the database any more.
    private(set) var lost: Int64 = 0
    /// Seals that did not wait on the list, and should have.
    private(set) var forgotten: Int64 = 0
    /// Seals and chains there are in all, by the same snapshot.
    private var all: (seals: Int64, chains: Int64) = (0, 0)

    /// Everything that no checkpoint up to `base`, the newest in the database, has signed; called once a checkpoint.
    ///
    /// What waits on the list is believed only where it makes, with what was signed, all that there is. Else every chain
    /// is read, and what it costs depends on what there is. `heads` are those of `base` as they are known outside, where
    /// its own row cannot be read.
    ///
    /// - Throws: `OperationError` where there is more under the heads that were signed than can have been signed.
    static func all(
        since base: CheckpointDocument?, heads: [SignedHead] = [], _ connection: DatabaseConnection
    ) throws -> GrownChains {
        let noted = try GrownChains(takingFrom: connection)
        let (seals, chains) = (base?.seals ?? 0, base?.chains ?? 0)
        if (seals + noted.seals, chains + noted.begun) == noted.all { return noted }
        var signedUpTo = try SignedHead.newest(in: connection, upTo: base?.number ?? 0)
        for head in heads { signedUpTo[head.writer] = head.number }
        var read = try GrownChains(behind: signedUpTo, connection)
        let signed = read.all.seals - read.seals
        guard signed <= seals else {
            throw OperationError(
                "the database holds \(signed) seals under the heads that checkpoints have signed, and they have signed "
                    + "\(seals): seals were added behind their back. Nothing was signed: run `sentinode audit verify`")
        }
        read.lost = noted.lost + seals - signed
        read.forgotten = max(0, read.seals - noted.seals)
        return read
    }

    /// Takes the seals off the list of those that wait: they wait again where the transaction fails.
    private init(takingFrom connection: DatabaseConnection) throws {
        for row in try connection.query(GrownChains.takeSQL) {
            try add(row)
            lost += try row.int8("noted") - row.int8("present")
        }
    }

    /// Reads all chains, whatever is on the list, and empties it.
    private init(behind signed: [UUID: Int64], _ connection: DatabaseConnection) throws {
        let rows = try connection.query(
            GrownChains.readSQL, [.uuidArray(Array(signed.keys)), .int8Array(Array(signed.values))])
        for row in rows { try add(row) }
    }

    private mutating func add(_ row: Row) throws {
        all = (try row.int8("all_seals"), try row.int8("all_chains"))
        seals += try row.int8("present")
        begun += try row.bool("is_new") ? 1 : 0
        guard let seal = try row.optionalBytes("seal") else { return }
        heads.append(SignedHead(writer: try row.uuid("writer"), number: try row.int8("number"), seal: seal))
    }

    /// One row a chain; one without a chain where none has grown.
    private static let takeSQL: SQL =
        """
        with taken as (
            delete from audit.unsigned_seals returning writer, number
        ), chain as (
            select taken.writer, max(seals.number) as number, count(*) as noted, count(seals.number) as present,
                coalesce(bool_or(seals.number = 0), false) as is_new
            from taken left join audit.seals on seals.writer = taken.writer and seals.number = taken.number
            group by taken.writer
        )
        """ + selectSQL

    private static let readSQL: SQL =
        """
        with taken as (
            delete from audit.unsigned_seals
        ), chain as (
            select seals.writer, max(seals.number) as number, count(*) as noted, count(*) as present,
                bool_or(seals.number = 0) as is_new
            from audit.seals left join unnest($1::uuid[], $2::bigint[]) as signed (writer, number)
                on signed.writer = seals.writer
            where seals.number > coalesce(signed.number, -1)
            group by seals.writer
        )
        """ + selectSQL

    private static let selectSQL: SQL = """
         , total as (
            select count(*) as all_seals, count(*) filter (where number = 0) as all_chains from audit.seals
        )
        select total.*, chain.writer, chain.number, coalesce(noted, 0) as noted, coalesce(present, 0) as present,
            coalesce(is_new, false) as is_new, seals.seal
        from total left join chain on true
        left join audit.seals on seals.writer = chain.writer and seals.number = chain.number
        order by chain.writer
        """
}

extension SignedHead {
    /// How far every chain had come that a stored checkpoint names, up to one.
    static func newest(in connection: DatabaseConnection, upTo checkpoint: Int64) throws -> [UUID: Int64] {
        var newest: [UUID: Int64] = [:]
        var last: Int64 = 0
        while true {
            let rows = try connection.query(
                """
                select number, heads from audit.checkpoints where number > $1 and number <= $2 order by number limit 500
                """, [.int8(last), .int8(checkpoint)])
            for row in rows {
                last = try row.int8("number")
                for head in SignedHead.all(packed: try row.bytes("heads")) ?? [] { newest[head.writer] = head.number }
            }
            if rows.count < 500 { return newest }
        }
    }
}
