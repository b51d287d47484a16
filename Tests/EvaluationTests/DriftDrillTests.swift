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
    private static let laboratories = isLong ? 2_000 : 1
    /// Laboratories that share a reference, and with it its error.
    private static let perReference = 10

    /// What so many laboratories raise, and for each the number of its reference.
    private func months(_ change: SimulatedChange, _ count: Int) -> [(reference: Int, alerts: [[AlertRow]])] {
        let work = SimulatedSlides.work(change)
        return stride(from: 0, to: count, by: Self.perReference).flatMap { first in
            let laboratory = SimulatedLaboratory(work, referenceDays: Self.isLong ? 28 : 14, seed: UInt64(first))
            return (first..<min(count, first + Self.perReference)).map { number in
                let alerts = laboratory.alerts(
                    days: Self.days, changeDay: change == .none ? nil : quietDays, seed: UInt64(1_000_000 + number))
                return (reference: first, alerts: alerts)
            }
        }
    }

    /// One in 30.4 days is the budget. Laboratories of one reference err together, so the interval is over references;
    /// few of them have at least the spread of a Poisson number.
    @Test func `raises no more false alarms than its budget while nothing changes`() {
        let months = months(.none, Self.isLong ? Self.laboratories : 2)
        let counts = Dictionary(grouping: months, by: \.reference).values.map { months in
            months.reduce(0.0) { $0 + Double($1.alerts.joined().count) } / Double(months.count)
        }
        let mean = counts.reduce(0, +) / Double(counts.count)
        let spread = counts.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let budget = Double(Self.days) / MonitorConfiguration().daysBetweenFalseAlarms
        let error = max(
            (spread / Double(max(1, counts.count * (counts.count - 1)))).squareRoot(),
            (budget / Double(months.count)).squareRoot())
        let any = months.count { !$0.alerts.joined().isEmpty }
        print("false alarms a month: \(mean) +- \(1.96 * error), any in \(any) of \(months.count) laboratories")
        print(Dictionary(grouping: months.flatMap { $0.alerts.joined() }, by: \.kind).mapValues(\.count))
        #expect(mean - 1.96 * error <= budget)
    }

    @Test(arguments: [SimulatedChange.recallDrop, .stainShift, .moreTumors])
    func `shows what changed, and names its cause first`(change: SimulatedChange) {
        var findings = Findings()
        for month in months(change, Self.laboratories) { findings.add(month.alerts, change.cause) }
        print("\(change): \(findings)")
        #expect(findings.found >= 0.9 && findings.right >= 0.8)
    }

    @Test(.needsCompressedPatches) func `shows that one site compresses its patches, and names that site`() throws {
        let laboratory = SimulatedLaboratory(try RealSlides().work, referenceDays: 8, seed: 7)
        let alerts = laboratory.alerts(days: quietDays + 2, changeDay: quietDays, seed: 8)
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
