import Foundation
import Monitoring
import Testing

@testable import Database
@testable import Evaluation

@Suite struct `Small shifts that last` {
    private let subject = Subject(version: "v", segment: .overall)

    /// Eighty slides of ten patches, whose mean scores are 0.2 and 0.4 in turn.
    private var reference: ReferenceProfile {
        ReferenceProfile(
            id: UUID(), version: "v", start: SimulatedDay.midnight(-5), end: SimulatedDay.midnight(0),
            frozenAt: SimulatedDay.midnight(0),
            patches: (1...80).flatMap { slide in
                (0..<10).map { _ in
                    ReferencePatch(
                        slide: slide, origin: Origin(site: "", scanner: "", stain: ""), isCalledTumor: false,
                        figures: figures(slide % 2 == 0 ? 0.4 : 0.2))
                }
            })
    }

    private func figures(_ score: Float) -> [Float] {
        MonitoredStatistic.allCases.map { $0 == .score ? score : 0.3 }
    }

    /// Five slides of forty patches of one score.
    private func day(_ number: Int, score: Float) -> MonitoredDay {
        var profile = PredictionProfile()
        for _ in 0..<40 {
            profile.add(
                ProfiledPatch(
                    isCalledTumor: false, isUncertain: false, stratum: nil, selectionProbability: 0.1,
                    figures: figures(score)))
        }
        return MonitoredDay(start: SimulatedDay.midnight(number), profile: profile, slides: 5)
    }

    private func score(_ days: [MonitoredDay], resolved: Timestamp? = nil) throws -> Evaluation.Measurement {
        try #require(
            SequentialMeasurements(
                subject: subject,
                window: MonitorWindow(kind: .rolling, end: SimulatedDay.midnight(20)), days: days, patches: [],
                performance: [], standard: AcceptanceStandard(subject, reference), resolved: { _ in resolved },
                daysBetweenFalseAlarms: 365
            ).measurements().first { $0.metric == "score" })
    }

    /// The slides' standard deviation is 0.1 times the root of 80 / 79, and a day's that over the root of 5.
    @Test func `are standardised with the reference's slides, and added up from its end on`() throws {
        let days = (-3..<4).map { day($0, score: 0.45) }
        let figure = try score(days)
        let standardised = 0.15 / (0.1 * (80.0 / 79).squareRoot() / 5.0.squareRoot())
        let value = try #require(figure.value)
        #expect(abs(value - 4 * (standardised - 0.5)) < 1e-5)
        #expect(figure.slides == 20 && figure.patches == 160 && figure.state == .alarm)
        #expect(figure.note?.hasSuffix("0.45 on average since 1970-01-01, 0.3 in the reference") == true)
    }

    @Test func `begin anew after an alert was resolved`() throws {
        let days = (0..<4).map { day($0, score: 0.45) }
        let noon = Timestamp(microseconds: SimulatedDay.midnight(1).microseconds + MonitorWindow.day / 2)
        #expect(try score(days, resolved: noon).value == score(Array(days.suffix(2))).value)
        #expect(try score(days, resolved: SimulatedDay.midnight(4)).state == .notEnoughData)
    }

    @Test func `fall below 0 where the stream falls, and stay there with its limit`() throws {
        let figure = try score((0..<3).map { day($0, score: 0.1) })
        let (value, limit) = (try #require(figure.value), try #require(figure.threshold))
        #expect(value < limit && limit < 0 && figure.state == .alarm)
    }

    @Test func `have a wider limit on days of more slides, as the reference's own error weighs more`() throws {
        let few = MonitoredDay(start: SimulatedDay.midnight(0), profile: day(0, score: 0.3).profile, slides: 1)
        let (many, fewer) = (try score([day(0, score: 0.3)]).threshold, try score([few]).threshold)
        #expect(try #require(many) > #require(fewer))
    }

    @Test(arguments: [(0.95, false), (0.85, true)])
    func `of labels leave out days whose labels are still coming`(response: Double, isImmature: Bool) {
        var profile = PredictionProfile()
        var patches: [LabelledPatch] = []
        for number in 0..<100 {
            profile.add(
                ProfiledPatch(
                    isCalledTumor: false, isUncertain: false, stratum: .auditCalledNormal, selectionProbability: 0.5,
                    figures: figures(0.2)))
            guard Double(number) < 100 * response else { continue }
            patches.append(
                LabelledPatch(
                    job: UUID(), storedAt: SimulatedDay.midnight(0),
                    provenance: Provenance(version: "v", origin: Origin(site: "", scanner: "", stain: "")),
                    slide: 1 + number % 10, isUncertain: false, pTumor: 0.2, threshold: 0.5,
                    isCalledTumor: false, stratum: .auditCalledNormal, selectionProbability: 0.5,
                    answer: number % 4 == 0 ? .tumor : .normal, isVoluntary: false, delay: 0))
        }
        let day = MonitoredDay(start: SimulatedDay.midnight(0), profile: profile, slides: 10)
        let labels = DailyLabels([day], patches, of: .missedTumors)
        #expect(labels.immatureDays == (isImmature ? 1 : 0))
        let stream = labels.stream(slideDeviation: 0.1)
        #expect(stream.count == (isImmature ? 0 : 1))
        // Every tumour is missed, and those without an answer are made up for.
        #expect(stream.first.map { $0.sums.numerator == $0.sums.denominator } ?? isImmature)
        #expect(stream.first.map { abs($0.sums.denominator - 24 * 2 / 0.95) < 1e-9 } ?? isImmature)
    }
}

@Suite struct `The cause of an alert` {
    @Test func `is named before what follows from it`() {
        let reasons = [
            "recall (corrected) is 0.8, beyond 0.9", "scores have drifted from the acceptance reference: x",
            "errors are not as frequent as in the acceptance reference: x",
            "inputs have drifted from the acceptance reference: x",
        ]
        #expect(AlertCause.sorted(reasons) { $0 } == [reasons[3], reasons[1], reasons[0], reasons[2]])
    }

    @Test(arguments: [
        ("focus", AlertCause.inputs), ("score", .scores), ("decision_rate", .scores), ("missed_tumors", .errors),
    ])
    func `is that of the figure beyond its limit`(metric: String, cause: AlertCause) {
        #expect(AlertCause(metric: metric) == cause)
    }

    @Test func `names the site that differs most, as a share of its own limit, in what drifts as a whole`() {
        func summary(_ segment: Segment, _ value: Double?, _ version: String = "v") -> Evaluation.Measurement {
            var figure = Evaluation.Measurement(
                subject: Subject(version: version, segment: segment), metric: DriftMeasurements.summary,
                method: DriftMeasurements.largestShare, value: value, state: (value ?? 0) > 1 ? .alarm : .ok)
            figure.note = "inputs"
            return figure
        }
        func site(_ name: String) -> Segment { Segment(kind: .site, name: name) }
        let sites = [summary(site("north"), 0.4), summary(site("south"), 2.5), summary(site("new"), nil)]
        let others = [summary(site("east"), 9, "w"), summary(Segment(kind: .scanner, name: "scanner"), 9)]
        let notes = { (overall: Double, sites: [Evaluation.Measurement]) in
            DriftMeasurements.namingSites([summary(.overall, overall)] + sites + others).map(\.note)
        }
        #expect(notes(1.2, sites)[0] == "inputs; of 2 sites south differs most, 2.5 of its own limit")
        #expect(Set(notes(1.2, sites).dropFirst()) == ["inputs"], "the others' sentences stay")
        #expect(notes(0.9, sites)[0] == "inputs", "nothing has drifted")
        #expect(notes(1.2, [sites[1]])[0] == "inputs", "one site is the whole")
    }
}
