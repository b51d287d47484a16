import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Shares and kappas against published implementations.
@Suite(.needsStack) struct AgreementTests {
    /// `proportion_confint(successes, trials, method="wilson")` of statsmodels 0.15.0.
    @Test func `Wilson intervals are those of statsmodels`() async throws {
        let expected: [(Int, Int, Double, Double)] = [
            (0, 10, 0.0, 0.27753279986288926), (1, 10, 0.017876213095072924, 0.40415002679523854),
            (5, 17, 0.1327998961029523, 0.5313311006653985), (10, 10, 0.7224672001371106, 1.0),
            (0, 1, 0.0, 0.7934506856227627), (263, 4000, 0.058478384193083266, 0.07385489230402248),
        ]
        try await ReviewRoom.with { room in
            let monitor = try room.makeLogin(["sentinode_monitor"])
            for (successes, trials, low, high) in expected {
                let row = try monitor.rows(
                    "select review.wilson(\(successes), \(trials), -1), review.wilson(\(successes), \(trials), 1)")[0]
                #expect(abs(try #require(Double(row[0] ?? "")) - low) < 1e-12)
                #expect(abs(try #require(Double(row[1] ?? "")) - high) < 1e-12)
            }
            #expect(try monitor.value("select review.wilson(0, 0, 1)") == nil)
        }
    }

    /// First readings in rows, second in columns: normal, tumor, unassessable.
    private static let table = [[5, 2, 1], [1, 7, 0], [0, 1, 2]]
    private static let labels = ["normal", "tumor", "unassessable"]

    /// `cohens_kappa` of statsmodels 0.15.0 on the table (`cohen_kappa_score` of scikit-learn 1.9.1 agrees), and on that
    /// of the first reader's tumor and normal with the model's, [[6, 2], [3, 5]].
    @Test func `kappa between readers, and between readers and model, is that of statsmodels`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(
                #"[{"reason": "positive", "rate": 0.5, "second_read_rate": 1}, {"reason": "audit", "rate": 0.5}]"#)
            var pairs: [(first: String, second: String)] = []
            for (row, counts) in AgreementTests.table.enumerated() {
                for (column, count) in counts.enumerated() {
                    pairs += Array(repeating: (AgreementTests.labels[row], AgreementTests.labels[column]), count: count)
                }
            }
            // The model says tumor of two of eight normal first readings, and of five of eight tumor ones.
            let tumors: Set<Int> = [1, 2, 9, 10, 11, 12, 13]
            try room.store(
                pairs.indices.map {
                    MadePrediction(
                        number: $0 + 1, p: tumors.contains($0 + 1) ? 0.9 : 0.1, positive: true, rule: 1, reads: 2)
                })
            let (one, two) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two"))
            for (index, pair) in pairs.enumerated() {
                let job = MadePrediction.id(index + 1)
                try one.run("select review.confirm('\(job)', '\(pair.first)', reason => 'x')")
                try two.run("select review.confirm('\(job)', '\(pair.second)', reason => 'x')")
            }
            let monitor = try room.makeLogin(["sentinode_monitor"])
            let readers = try row(monitor, "between_whom = 'readers' and first <> 'all'")
            #expect(readers[0] == 19)
            check(readers, [19, 0.7368421052631579, 0.5758928571428571, 0.26246259167382546, 0.8893231226118887])
            #expect(try row(monitor, "between_whom = 'readers' and first = 'all'") == readers)
            let model = try row(monitor, "between_whom = 'reader and model' and first = '\(one.login)'")
            check(model, AgreementTests.withModel)

            // The same of labels given since a time alone.
            let since = "review.agreement_since((select min(labelled_at) from review.labels where label = 'tumor'))"
            let later = try row(monitor, "between_whom = 'readers' and first = 'all'", in: since)
            #expect(later[0] > 0 && later[0] < 19)
            let all = "review.agreement_since('-infinity')"
            #expect(try row(monitor, "between_whom = 'readers' and first = 'all'", in: all) == readers)

            // An amendment changes no figure of first readings.
            try one.run("select review.amend(label_id, 'tumor', 'x') from review.my_labels where label = 'normal'")
            #expect(try row(monitor, "between_whom = 'readers' and first <> 'all'") == readers)
        }
    }

    private static let withModel = [16, 0.6875, 0.375, -0.0756711374007405, 0.8256711374007405]

    /// n, observed, kappa and its interval.
    private func row(_ session: Session, _ condition: String, in relation: String = "review.agreement") throws
        -> [Double]
    {
        let rows = try session.rows(
            "select n, observed, kappa, kappa_low, kappa_high from \(relation) where \(condition)")
        return try #require(rows.first).map { try #require(Double($0 ?? "")) }
    }

    private func check(_ found: [Double], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(found.count == expected.count, sourceLocation: sourceLocation)
        for (one, other) in zip(found, expected) {
            #expect(abs(one - other) < 1e-9, "\(found)", sourceLocation: sourceLocation)
        }
    }

    @Test func `too few patches give no kappa, and one label alone leaves it undefined`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(#"[{"reason": "positive", "rate": 0.5}]"#)
            try room.store((1...11).map { MadePrediction(number: $0, p: 0.9, positive: $0 < 11, rule: 1) })
            let reader = try room.makeReader()
            // What nobody asked for, and what was withdrawn, is in no figure.
            try reader.run("select review.confirm('\(MadePrediction.id(11))', 'tumor')")
            let jobs = (1...10).map { "'\(MadePrediction.id($0))'" }
            try reader.run(
                "select review.confirm_many(array[\(jobs.prefix(9).joined(separator: ","))]::uuid[], 'tumor')")
            let query = "select n, kappa, kappa_low, note from review.agreement where first <> 'all'"
            #expect(try reader.rows(query) == [["9", nil, nil, "not enough data"]])
            try reader.run("select review.confirm(\(jobs[9]), 'tumor')")
            #expect(try reader.rows(query) == [["10", nil, nil, "undefined: only one label was given"]])
            try reader.run("select review.withdraw(label_id, 'x') from review.my_labels where job_id = \(jobs[9])")
            #expect(try reader.rows(query) == [["9", nil, nil, "not enough data"]])
        }
    }

    @Test func `overrules are counted by site, month and version`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(#"[{"reason": "audit", "rate": 0.5}]"#)
            func drawn(_ number: Int, _ p: Double, site: String? = "north") -> MadePrediction {
                MadePrediction(number: number, p: p, site: site, audit: true, rule: 1)
            }
            try room.store(
                (1...4).map { drawn($0, 0.9) } + [
                    drawn(5, 0.1), drawn(6, 0.5), drawn(7, 0.9), drawn(8, 0.9, site: nil),
                ]
                    + [MadePrediction(number: 9, p: 0.9)])
            let reader = try room.makeReader()
            try reader.run("select review.claim(100)")
            for (number, label) in [
                (1, "tumor"), (2, "tumor"), (3, "tumor"), (4, "normal"), (5, "tumor"), (6, "normal"),
                (7, "unassessable"), (8, "tumor"), (9, "normal"),
            ] {
                try reader.run("select review.confirm('\(MadePrediction.id(number))', '\(label)', reason => 'x')")
            }
            let rows = try reader.rows(
                """
                select site, model_version, labelled, overruled, false_positives, false_negatives, uncertain_resolved,
                    unassessable, voluntary, month = date_trunc('month', now() at time zone 'UTC')
                from review.overrules order by site
                """)
            #expect(
                rows == [
                    ["(none)", PredictionMaker.version, "1", "0", "0", "0", "0", "0", "0", "t"],
                    ["north", PredictionMaker.version, "5", "2", "1", "1", "1", "1", "1", "t"],
                ])
            #expect(
                try reader.value(
                    "select share = 0.4 and share_low < 0.4 and share_high > 0.4 from review.overrules where site = 'north'"
                ) == "t")
        }
    }
}
