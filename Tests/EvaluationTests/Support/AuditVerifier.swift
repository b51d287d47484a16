import AuditTrail
import Foundation
import Testing

@testable import Database

/// Recomputes the whole audit trail from the rows as they stand, and says what does not match.
///
/// It shares nothing with the code that wrote them: PostgreSQL computes the digests of rows, from its own catalogue and
/// its own binary formats; the tree and the chain are written anew below, after RFC 9162 and the design.
struct AuditVerifier {
    /// What was looked at, and every divergence.
    struct Findings {
        var rows = 0
        var events = 0
        var problems: [String] = []
    }

    private struct Position: Hashable {
        let writer: UUID
        let seal: Int64
    }

    let database: DatabaseConnection

    func verify() throws -> Findings {
        var findings = Findings()
        try database.run(script: AuditVerifier.digestsScript)
        let digests = try database.query(
            "select relation, writer, seal, leaf, digest from row_digests order by writer, seal, leaf, relation")
        var leaves: [Position: [(leaf: Int32, digest: [UInt8])]] = [:]
        for row in digests {
            let position = Position(writer: try row.uuid("writer"), seal: try row.int8("seal"))
            leaves[position, default: []].append((try row.int4("leaf"), try row.bytes("digest")))
            if try row.text("relation") != "audit.events" { findings.rows += 1 }
        }
        try check(&leaves, &findings)
        // Whatever is left stands under a seal that nobody made.
        for position in leaves.keys { findings.problems.append("rows without a seal: \(position)") }
        return findings
    }

    private func check(
        _ leaves: inout [Position: [(leaf: Int32, digest: [UInt8])]], _ findings: inout Findings
    ) throws {
        let events = try database.query(
            """
            select seals.writer, number, previous, leaf_count, root, seals.seal as value, leaves
            from audit.seals left join audit.events on events.writer = seals.writer and events.seal = number
            order by seals.writer, number
            """)
        var last: (writer: UUID, number: Int64, value: [UInt8])?
        for row in events {
            let position = Position(writer: try row.uuid("writer"), seal: try row.int8("number"))
            let stored = leaves.removeValue(forKey: position) ?? []
            let follows = last.map { $0.writer == position.writer && $0.number + 1 == position.seal } ?? false
            let previous = follows ? last?.value : nil
            findings.events += 1
            findings.problems += try problems(of: row, stored, previous: previous).map { "\($0): \(position)" }
            if !follows, position.seal != 0 { findings.problems.append("a gap in the chain: \(position)") }
            last = (position.writer, position.seal, try row.bytes("value"))
        }
    }

    private func problems(of row: Row, _ stored: [(leaf: Int32, digest: [UInt8])], previous: [UInt8]?) throws
        -> [String]
    {
        var problems: [String] = []
        let digests = stored.map(\.digest)
        if stored.map(\.leaf) != Array(0..<Int32(stored.count)) { problems.append("leaves missing or twice") }
        if try row.optionalBytes("leaves") != Array(digests.dropFirst().joined()) {
            problems.append("the event's leaves are not the rows'")
        }
        if Int(try row.int4("leaf_count")) != digests.count { problems.append("another number of leaves") }
        let root = try AuditVerifier.root(digests[...])
        if try row.bytes("root") != root { problems.append("another root") }
        if try row.optionalBytes("previous") != previous { problems.append("another seal before") }
        let seal = try AuditVerifier.seal(
            writer: try row.uuid("writer"), number: try row.int8("number"), previous: previous, count: digests.count,
            root: root)
        if try row.bytes("value") != seal { problems.append("another seal") }
        return problems
    }

    /// RFC 9162, 2.1.1, as it is written there: by recursion.
    static func root(_ leaves: ArraySlice<[UInt8]>) throws -> [UInt8] {
        guard let first = leaves.first else { return try Hash.sha256([]) }
        if leaves.count == 1 { return try Hash.sha256([0] + first) }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        let middle = leaves.startIndex + split
        return try Hash.sha256([1] + root(leaves[..<middle]) + root(leaves[middle...]))
    }

    static func seal(writer: UUID, number: Int64, previous: [UInt8]?, count: Int, root: [UInt8]) throws -> [UInt8] {
        func bigEndian(_ value: Int64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) } }
        let identity = withUnsafeBytes(of: writer.uuid) { Array($0) }
        return try Hash.sha256(
            Array("sentinode.seal.v1".utf8) + identity + bigEndian(number)
                + (previous ?? [UInt8](repeating: 0, count: 32)) + bigEndian(Int64(count)) + root)
    }

    /// Digests of all rows that carry a salt, in a temporary table. A type that is not known here is an error.
    private static let digestsScript = """
        create temporary table if not exists row_digests
            (relation text, writer uuid, seal bigint, leaf integer, digest bytea, is_erased boolean);
        truncate row_digests;
        do $$
        declare
            relation record;
            members text;
        begin
            for relation in
                select class.oid, space.nspname || '.' || class.relname as name,
                    bool_or(attname = 'leaf') as has_leaf
                from pg_class as class
                join pg_namespace as space on space.oid = class.relnamespace
                join pg_attribute on attrelid = class.oid and attnum > 0 and not attisdropped
                where class.relkind in ('r', 'p') and not class.relispartition
                    and space.nspname in ('sentinode', 'review', 'monitor', 'audit')
                group by class.oid, space.nspname, class.relname
                having bool_or(attname = 'salt')
            loop
                select string_agg(
                    format(
                        'coalesce(int4send(%1$s) || convert_to(%2$L || %3$L, ''UTF8'')
                            || int4send(octet_length(%4$s)) || %4$s, '''')',
                        octet_length(attname::text), attname, encoded.tag, encoded.value),
                    ' || ' order by attname collate "C")
                into members
                from pg_attribute
                cross join lateral (
                    select case atttypid::regtype::text
                            when 'boolean' then 'b' when 'smallint' then 'i' when 'integer' then 'i'
                            when 'bigint' then 'i' when 'real' then 'f' when 'double precision' then 'd'
                            when 'text' then 't' when 'bytea' then 'y' when 'uuid' then 'u'
                            when 'timestamp with time zone' then 'z' end as tag,
                        format(case atttypid::regtype::text
                            when 'boolean' then 'boolsend(%I)' when 'smallint' then 'int8send(%I::bigint)'
                            when 'integer' then 'int8send(%I::bigint)' when 'bigint' then 'int8send(%I)'
                            when 'real' then 'float4send(%I)' when 'double precision' then 'float8send(%I)'
                            when 'text' then 'convert_to(%I, ''UTF8'')' when 'bytea' then '%I'
                            when 'uuid' then 'uuid_send(%I)'
                            when 'timestamp with time zone'
                                then 'int8send((extract(epoch from %I) * 1000000)::bigint)' end, attname) as value
                ) as encoded
                where attrelid = relation.oid and attnum > 0 and not attisdropped and attgenerated = '';
                if exists (
                    select from pg_attribute
                    where attrelid = relation.oid and attnum > 0 and not attisdropped and attgenerated = ''
                        and position(format('convert_to(%L', attname) in members) = 0)
                then
                    raise exception 'a column of % has a type that is not known here', relation.name;
                end if;
                execute format(
                    'insert into row_digests select %1$L, writer, seal, %2$s, sha256(
                        convert_to(''sentinode.row.v1'', ''UTF8'') || int4send(%3$s) || convert_to(%1$L, ''UTF8'') || %4$s),
                        salt is null from %1$s',
                    relation.name, case when relation.has_leaf then 'leaf' else '0' end,
                    octet_length(relation.name), members);
            end loop;
            -- Of a row that is listed as erased, and stands as the erasure left it, the leaf is what its event holds.
            update row_digests set digest = substring(event.leaves from 32 * (row_leaf - 1) + 1 for 32)
            from audit.erased_rows as erased
            join audit.events as event on event.writer = row_writer and event.seal = row_seal
            where is_erased and row_digests.digest = remainder and row_digests.relation = erased.relation and row_digests.writer = row_writer
                and row_digests.seal = row_seal and row_digests.leaf = row_leaf;
        end $$;
        """
}
