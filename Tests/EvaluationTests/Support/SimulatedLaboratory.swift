import Foundation
import Monitoring

@testable import Database
@testable import Evaluation

/// A laboratory whose truth is known, seen day by day through the monitor's own figures, limits and alerts, without a
/// database. Its acceptance reference ends at the epoch.
struct SimulatedLaboratory {
    private let reference: ReferenceProfile
    /// The days of the reference.
    private let past: [SimulatedDay]
    private let standards: [(subject: Subject, standard: AcceptanceStandard)]
    private let thresholds: DriftThresholds
    private let configuration: MonitorConfiguration
    private let parts: Double

    /// - Parameters:
    ///   - work: during the reference.
    ///   - fewestResamples: that limits are made of, where their budget allows for so few.
    init(
        _ work: SimulatedWork, referenceDays: Int, configuration: MonitorConfiguration, fewestResamples: Int = 2000,
        seed: UInt64
    ) {
        var random = SplitMix64(seed: seed)
        self.configuration = configuration
        let past = (-referenceDays..<0).map { work.day($0, isChanged: false, &random) }
        self.past = past
        let reference = ReferenceProfile(
            id: UUID(), version: SimulatedWork.version, start: SimulatedDay.midnight(-referenceDays),
            end: SimulatedDay.midnight(0), frozenAt: SimulatedDay.midnight(0), patches: past.flatMap(\.patches))
        self.reference = reference
        let subjects = Set(past.flatMap(\.profiles.keys)).sorted()
        parts = Double(subjects.count)
        thresholds = DriftThresholds(
            budget: configuration.driftBudget(parts: parts), fewestResamples: fewestResamples)
        let labels = LabelledPatches.bySubject(past.flatMap(\.labelled))
        let (tolerance, widening) = (configuration.tolerance, MonitorConfiguration.widening(parts: parts))
        standards = subjects.map { subject in
            let standard = AcceptanceStandard(
                subject, reference, past.profile(of: subject), labels[subject] ?? [], tolerance: tolerance,
                widening: widening)
            return (subject, standard)
        }
    }

    /// The alerts of so many days after the reference, in the order in which they are named; what was in alarm on one of
    /// the two days before is no new alert.
    ///
    /// - Parameter changeDay: the first day of the change; what follows the first alert from then on is left out. nil
    ///   for no change.
    func alerts(_ work: SimulatedWork, days: Int, changeDay: Int? = nil, seed: UInt64) -> [[AlertRow]] {
        var random = SplitMix64(seed: seed)
        var all = past
        var latest: [AlertCondition: Int] = [:]
        var alerts: [[AlertRow]] = []
        for number in 0..<days {
            let isChanged = changeDay.map { number >= $0 } ?? false
            all.append(work.day(number, isChanged: isChanged, &random))
            var book = AlertBook()
            let raised = book.raise(measurements(Array(all.suffix(28))), run: UUID(), at: .now, by: "monitor")
            alerts.append(
                raised.filter { alert in latest[AlertCondition(alert.placed)].map { $0 < number - 2 } ?? true })
            for alert in raised { latest[AlertCondition(alert.placed)] = number }
            if isChanged, alerts.last?.isEmpty == false { break }
        }
        return alerts
    }

    /// What the run after the last day computes of it and of all days.
    private func measurements(_ recent: [SimulatedDay]) -> [PlacedMeasurement] {
        let today = recent[recent.count - 1]
        let end = SimulatedDay.midnight(today.number + 1)
        let (day, rolling) = (MonitorWindow(kind: .day, end: end), MonitorWindow(kind: .rolling, end: end))
        let labels = LabelledPatches.bySubject(recent.flatMap { $0.labels(knownBy: end) })
        let widening = MonitorConfiguration.widening(parts: parts)
        return standards.flatMap { subject, standard -> [PlacedMeasurement] in
            let drift = DriftMeasurements(
                subject: subject, window: day, profile: today.profiles[subject] ?? PredictionProfile(),
                slides: today.slides[subject], reference: reference, development: nil,
                thresholds: thresholds)
            let profile = recent.profile(of: subject)
            let realised = RealisedPerformance(subject, profile, labels[subject] ?? [], standard.expectation)
            let performance = realised.measurements()
            let estimate = LabelFreeEstimate(
                subject: subject, profile: profile, answers: realised.answers, realised: performance,
                reference: standard.labels, widening: widening)
            let sums = SequentialMeasurements(
                subject: subject, window: rolling, days: recent.compactMap { $0.monitored(subject) },
                patches: labels[subject] ?? [], performance: performance, standard: standard, resolved: { _ in nil },
                daysBetweenFalseAlarms: configuration.daysBetweenFalseSums(parts: parts))
            return drift.measurements().map { PlacedMeasurement($0, day) }
                + (performance + estimate.measurements() + sums.measurements()).map { PlacedMeasurement($0, rolling) }
        }
    }
}

/// What a laboratory does every day, and how its audit looks at it: at a quarter of everything and at whatever is
/// uncertain. 96 % of the answers come, within two days.
struct SimulatedWork {
    /// An empty name stands for patches that name no site.
    var sites = [""]
    var slidesPerSite = 12
    /// Patches of one slide of a site, as before the change or as after it.
    let slide: (_ site: String, _ isChanged: Bool, _ random: inout SplitMix64) -> [SimulatedPatch]

    static let version = "simulated"
    private static let auditRate = 0.25
    private static let response = 0.96

    func day(_ number: Int, isChanged: Bool, _ random: inout SplitMix64) -> SimulatedDay {
        var day = SimulatedDay(number: number)
        for site in sites {
            let origin = Origin(site: site, scanner: "", stain: "")
            for _ in 0..<slidesPerSite {
                let name = 1 + random.index(below: 1 << 40)
                for segment in origin.segments { day.slides[Subject(segment), default: 0] += 1 }
                for patch in slide(site, isChanged, &random) { decide(patch, name, origin, &day, &random) }
            }
        }
        return day
    }

    private func decide(
        _ patch: SimulatedPatch, _ slide: Int, _ origin: Origin, _ day: inout SimulatedDay, _ random: inout SplitMix64
    ) {
        let score = patch.figures[MonitoredStatistic.score.rawValue]
        let (isCalled, isUncertain) = (score >= 0.5, score >= 0.4 && score < 0.6)
        let isAudited = random.uniform() < SimulatedWork.auditRate
        let stratum = ReviewStratum(
            reason: isUncertain ? "uncertain" : isAudited ? "audit" : nil, isCalledTumor: isCalled)
        let probability = isUncertain ? 1 : SimulatedWork.auditRate
        let counted = ProfiledPatch(
            isCalledTumor: isCalled, isUncertain: isUncertain, stratum: stratum, selectionProbability: probability,
            figures: patch.figures)
        for segment in origin.segments { day.profiles[Subject(segment), default: PredictionProfile()].add(counted) }
        day.patches.append(
            ReferencePatch(slide: slide, origin: origin, isCalledTumor: isCalled, figures: patch.figures))
        guard stratum != nil, random.uniform() < SimulatedWork.response else { return }
        day.labelled.append(
            LabelledPatch(
                job: UUID(), storedAt: SimulatedDay.midnight(day.number),
                provenance: Provenance(version: SimulatedWork.version, origin: origin), slide: slide,
                isUncertain: isUncertain, pTumor: Double(score), threshold: 0.5,
                isCalledTumor: isCalled, stratum: stratum, selectionProbability: probability,
                answer: patch.isTumor ? .tumor : .normal, isVoluntary: false, delay: 172_800 * random.uniform()))
    }
}

/// A patch before anybody decides about it.
struct SimulatedPatch {
    /// In the order of `MonitoredStatistic`.
    var figures: [Float]
    var isTumor: Bool
}

struct SimulatedDay {
    /// From the epoch.
    let number: Int
    var profiles: [Subject: PredictionProfile] = [:]
    var slides: [Subject: Int] = [:]
    var patches: [ReferencePatch] = []
    var labelled: [LabelledPatch] = []

    init(number: Int) { self.number = number }

    static func midnight(_ number: Int) -> Timestamp {
        Timestamp(microseconds: Int64(number) * MonitorWindow.day)
    }

    func labels(knownBy end: Timestamp) -> [LabelledPatch] {
        labelled.filter { $0.storedAt.microseconds + Int64($0.delay * 1e6) <= end.microseconds }
    }

    func monitored(_ subject: Subject) -> MonitoredDay? {
        profiles[subject].map {
            MonitoredDay(start: SimulatedDay.midnight(number), profile: $0, slides: slides[subject] ?? 0)
        }
    }
}

extension [SimulatedDay] {
    func profile(of subject: Subject) -> PredictionProfile {
        reduce(into: PredictionProfile()) { sum, day in
            if let profile = day.profiles[subject] { sum += profile }
        }
    }
}

extension Subject {
    fileprivate init(_ segment: Segment) { self.init(version: SimulatedWork.version, segment: segment) }
}
