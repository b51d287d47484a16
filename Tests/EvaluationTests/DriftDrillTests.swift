import Foundation
import Monitoring
import Testing

@testable import Evaluation

/// Days of a month before something changes.
private let quietDays = 3

/// Laboratories of thirty days whose truth is known, through the monitor's own limits and alerts.
@Suite struct `A month of a laboratory` {
    private static let isLong = ProcessInfo.processInfo.environment["SENTINODE_TEST_LONG"] == "1"
    private static let days = 30
    /// Each with an acceptance reference of its own, and so many months after it, which err together.
    private static let laboratories = isLong ? 200 : 1
    private static let monthsEach = isLong ? 10 : 1

    @Test func `raises false alarms within its budget, shows what changed, and names the cause first`() {
        // A tighter budget needs fewer resamples.
        let configuration = MonitorConfiguration(daysBetweenFalseAlarms: Self.isLong ? 30.4 : 15)
        var falseAlarms: [[AlertRow]] = []
        var findings: [SimulatedChange: Findings] = [:]
        for number in 0..<Self.laboratories {
            let laboratory = SimulatedLaboratory(
                SimulatedSlides.work(.none), referenceDays: Self.isLong ? 28 : 10, configuration: configuration,
                fewestResamples: 400, seed: UInt64(number + 1))
            falseAlarms.append([])
            for month in 0..<Self.monthsEach {
                for (place, change) in SimulatedChange.allCases.enumerated() {
                    let alerts = laboratory.alerts(
                        SimulatedSlides.work(change), days: Self.days, changeDay: change == .none ? nil : quietDays,
                        seed: UInt64((number << 16 + month) << 3 + place + 1) + 1 << 40)
                    if change == .none {
                        falseAlarms[number] += alerts.joined()
                    } else {
                        findings[change, default: Findings()].add(alerts, change.cause)
                    }
                }
            }
        }
        check(falseAlarms, budget: Double(Self.days) / configuration.daysBetweenFalseAlarms)
        for (change, found) in findings {
            print("\(change): \(found)")
            // In a month one laboratory has too few labels to be sure to show five points of recall.
            if change == .recallDrop, !Self.isLong { continue }
            // Errors take days of labels to show, and meanwhile a false alarm of another kind can come first.
            let (fewest, right) = change == .recallDrop ? (0.8, 0.65) : (0.9, 0.75)
            #expect(found.found >= fewest, "\(change)")
            #expect(found.right >= right, "\(change)")
        }
    }

    /// The interval is over laboratories; of few, the alarms have at least the spread of a Poisson number.
    private func check(_ falseAlarms: [[AlertRow]], budget: Double) {
        let rates = falseAlarms.map { Double($0.count) / Double(Self.monthsEach) }
        let mean = rates.reduce(0, +) / Double(rates.count)
        let spread = rates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let error = max(
            (spread / Double(max(1, rates.count * (rates.count - 1)))).squareRoot(),
            (budget / Double(rates.count * Self.monthsEach)).squareRoot())
        print("false alarms a month: \(mean) +- \(1.96 * error), \(budget) is the budget")
        print(Dictionary(grouping: falseAlarms.joined(), by: \.kind).mapValues(\.count))
        #expect(mean - 1.96 * error <= budget)
    }

    @Test(.needsCompressedPatches) func `shows that one site compresses its patches, and names that site`() throws {
        let work = try RealSlides().work
        let laboratory = SimulatedLaboratory(
            work, referenceDays: 5, configuration: MonitorConfiguration(daysBetweenFalseAlarms: 2),
            fewestResamples: 400, seed: 7)
        let alerts = laboratory.alerts(work, days: Self.days, changeDay: quietDays, seed: 8)
        var findings = Findings()
        findings.add(alerts, .inputs)
        print("one site compresses: \(findings)")
        #expect(findings.found == 1 && findings.right == 1)
        let first = alerts.dropFirst(quietDays).first { !$0.isEmpty }?.first
        #expect(first?.placed.figure.subject.segment == Segment(kind: .site, name: "north"))
    }
}

/// In how many laboratories something was found, after how long, and what was named first.
private struct Findings: CustomStringConvertible {
    private var laboratories = 0
    private var delays: [Int] = []
    private var rightCauses = 0
    private var firstReason = ""

    mutating func add(_ alerts: [[AlertRow]], _ cause: AlertCause?) {
        laboratories += 1
        guard let day = alerts.indices.first(where: { $0 >= quietDays && !alerts[$0].isEmpty }) else { return }
        delays.append(day - quietDays + 1)
        if firstReason.isEmpty { firstReason = alerts[day][0].reason }
        if AlertCause(reason: alerts[day][0].reason) == cause { rightCauses += 1 }
    }

    var found: Double { Double(delays.count) / Double(laboratories) }
    var right: Double { Double(rightCauses) / Double(max(1, delays.count)) }

    var description: String {
        let sorted = delays.sorted()
        let range = sorted.isEmpty ? "" : " (\(sorted[0]) to \(sorted[sorted.count - 1]))"
        let days = sorted.isEmpty ? "never" : "after \(sorted[sorted.count / 2]) days\(range)"
        return "found in \(delays.count) of \(laboratories) \(days), right cause first in \(rightCauses): "
            + firstReason
    }
}

extension AlertRow {
    fileprivate var kind: String { "\(placed.figure.metric), \(placed.figure.method)" }
}
