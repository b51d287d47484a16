import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What a superuser can do to the record behind the product's back, one thing after another; each is found and named.
@Suite(.needsStack) struct AuditTamperDrillTests {
    @Test func `a change of any column of any protected table is found, and what was changed back is not`() async throws
    {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            let clean = try laboratory.verify()
            try #require(clean.isClean, "\(clean.findings)")
            #expect(clean.erased == 1)
            let targets = try drill.targets()
            for table in Set(targets.map(\.table)) {
                try #require(targets.contains { $0.table == table && $0.isFilled }, "\(table) is empty: sow a row")
            }
            for round in rounds(of: targets) {
                try drill.changing(round) {
                    let report = try laboratory.verify(sliceSize: 16, workers: 1)
                    for target in round {
                        #expect(
                            report.findings.contains { names(target, $0) },
                            "\(target.table) \(target.column): \(report.findings)")
                    }
                }
            }
            let restored = try laboratory.verify()
            #expect(restored.isClean, "\(restored.findings)")
        }
    }

    /// Columns of different tables, so that each finding is one column's; the record itself is changed alone. Fewer at once
    /// than a report keeps findings.
    private func rounds(of targets: [TamperDrill.Target]) -> [[TamperDrill.Target]] {
        let record = ["audit.events", "audit.seals"]
        var rounds = targets.filter { record.contains($0.table) }.map { [$0] }
        var left = Dictionary(grouping: targets.filter { !record.contains($0.table) }, by: \.table)
        while !left.isEmpty {
            let tables = left.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.prefix(8).map(\.key)
            rounds.append(tables.compactMap { left[$0]?.removeLast() })
            left = left.filter { !$0.value.isEmpty }
        }
        return rounds
    }

    /// Whether the finding points at the row that was changed.
    private func names(_ target: TamperDrill.Target, _ finding: AuditFinding) -> Bool {
        switch (target.table, target.column) {
        case (_, _) where target.isGenerated:
            finding.kind == .derivedValueChanged && finding.table == target.table && finding.key != nil
        case ("audit.events", "writer"), ("audit.events", "seal"): finding.kind == .eventMissing
        case ("audit.events", _): finding.kind == .eventChanged && finding.position != nil
        case ("audit.seals", "writer"), ("audit.seals", "number"): finding.kind == .sealMissing
        case ("audit.seals", _): finding.kind == .sealChanged && finding.position != nil
        case (_, "writer"), (_, "seal"), (_, "leaf"):
            finding.kind == .rowWithoutLeaf && finding.table == target.table && finding.key != nil
        default: finding.kind == .rowChanged && finding.table == target.table && finding.key != nil
        }
    }

    @Test func `a missing row, event or seal is named by its place`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            for table in Set(try drill.targets().map(\.table)).subtracting(["audit.events", "audit.seals"]) {
                try drill.removing(from: table) {
                    let report = try laboratory.verify()
                    #expect(report.findings.contains { $0.kind == .rowMissing && $0.leaf != nil }, "\(table)")
                }
            }
            for (table, kind) in [("audit.events", AuditFinding.Kind.eventMissing), ("audit.seals", .sealMissing)] {
                try drill.removing(from: table) {
                    let report = try laboratory.verify()
                    #expect(report.findings.contains { $0.kind == kind && $0.position != nil }, "\(report.findings)")
                }
            }
            try drill.removing(from: "audit.events", where: AuditTamperDrillTests.inTheMiddle) {
                try drill.superuser.run(
                    script: """
                        create table public.seal as select * from audit.seals
                            where (writer, number) = (select writer, seal from public.old);
                        delete from audit.seals where (writer, number) in (select writer, number from public.seal)
                        """)
                let report = try laboratory.verify()
                #expect(report.findings.contains { $0.kind == .eventMissing && $0.detail == "and its seal" })
                try drill.superuser.run(script: "insert into audit.seals select * from public.seal")
            }
            #expect(try laboratory.verify().isClean)
        }
    }

    /// An event that has one before and one behind it in its chain.
    private static let inTheMiddle = """
        seal = 1 and exists (select from audit.events as next where next.writer = events.writer and next.seal = 2)
        """

    @Test func `events that changed places are told from events that changed`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            try drill.superuser.run(
                script: """
                    create table public.pair as select writer from audit.events
                        where \(AuditTamperDrillTests.inTheMiddle) limit 1
                    """)
            let swap = """
                update audit.events set seal = -1 where writer = (select writer from public.pair) and seal = 1;
                update audit.events set seal = 1 where writer = (select writer from public.pair) and seal = 2;
                update audit.events set seal = 2 where writer = (select writer from public.pair) and seal = -1;
                """
            try drill.between(swap, swap) {
                let report = try laboratory.verify()
                let reordered = report.findings.filter { $0.kind == .eventReordered }
                #expect(Set(reordered.compactMap { $0.position?.seal }) == [1, 2], "\(report.findings)")
            }
            #expect(try laboratory.verify().isClean)
        }
    }

    @Test(arguments: [
        "", "writer = gen_random_uuid(),", "leaf = 1000000,", "leaf = null,", "writer = null,", "seal = null,",
    ])
    func `a forged prediction has no leaf wherever it says that one stands`(place: String) async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            let job = UUID()
            try drill.superuser.run(
                script: """
                    do $$ begin
                        alter table sentinode.predictions alter column writer drop not null;
                        alter table sentinode.predictions alter column seal drop not null;
                        alter table sentinode.predictions alter column leaf drop not null;
                    end $$;
                    create table public.forged as select * from sentinode.predictions where salt is not null limit 1;
                    update public.forged set \(place) job_id = '\(job)';
                    alter table public.forged drop column attributes
                    """)
            let columns = try drill.superuser.query(
                """
                select string_agg(quote_ident(attname), ', ') as names from pg_attribute
                where attrelid = 'public.forged'::regclass and attnum > 0 and not attisdropped
                """
            ).onlyRow().text("names")
            try drill.superuser.run(
                script: "insert into sentinode.predictions (\(columns)) select \(columns) from public.forged")
            try drill.acceptCatalogue()
            let report = try laboratory.verify()
            let named = report.findings.filter { $0.key == "job_id=\(job.uuidString.lowercased())" }
            #expect(named.map(\.kind) == [.rowWithoutLeaf], "\(report.findings)")
            #expect(report.divergences == 1)
        }
    }

    @Test func `a row that was changed together with its event and its seal breaks the chain behind it`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            try drill.superuser.run(script: AuditTamperDrillTests.carefulForgery)
            let report = try laboratory.verify()
            #expect(report.findings.map(\.kind) == [.chainBroken], "\(report.findings)")
            #expect(report.findings.first?.position?.seal == 2)
        }
    }

    /// Changes a prediction under a seal 1 that has a seal 2 behind it, and computes everything anew up to seal 1.
    private static let carefulForgery = """
        do $$
        <<carefully>>
        declare
            place record; leaves bytea[]; event bytea; root bytea;
        begin
            select writer, seal into place from audit.events
                where \(inTheMiddle) and exists (select from sentinode.predictions as row
                    where row.writer = events.writer and row.seal = events.seal) limit 1;
            update sentinode.predictions set slide_id = 'another' where writer = place.writer and seal = place.seal;
            execute format('select array_agg(sha256(%s) order by leaf) from sentinode.predictions
                where writer = $1 and seal = $2', audit.row_encoding('sentinode.predictions'))
                into leaves using place.writer, place.seal;
            update audit.events set leaves = (select string_agg(leaf, '' order by number)
                from unnest(carefully.leaves) with ordinality as each (leaf, number))
                where writer = place.writer and seal = place.seal;
            execute format('select sha256(%s) from audit.events where writer = $1 and seal = $2',
                audit.row_encoding('audit.events')) into event using place.writer, place.seal;
            root := audit.merkle_root(event || leaves);
            update audit.seals set root = carefully.root, seal = sha256(
                    convert_to('sentinode.seal.v1', 'UTF8') || uuid_send(writer) || int8send(number) || previous
                    || int8send(leaf_count) || carefully.root)
                where writer = place.writer and number = place.seal;
        end $$
        """
}
