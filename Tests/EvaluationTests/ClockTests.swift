import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// The database's clock, which a test sets.
private struct SetClock {
    private static let file = FileManager.default.temporaryDirectory.appending(path: "sentinode-clock-" + randomName())

    /// With a server that goes by it.
    static let stack = OwnStack(clock: file)

    /// The day after tomorrow, 0 o'clock.
    let day = Timestamp(microseconds: Timestamp.now.day.microseconds + 2 * MonitorWindow.day)

    func time(_ hour: Int, _ minute: Int) -> Timestamp {
        Timestamp(microseconds: day.microseconds + (Int64(hour) * 60 + Int64(minute)) * 60_000_000)
    }

    func set(_ hour: Int, _ minute: Int) throws {
        let ahead = (time(hour, minute).microseconds - Timestamp.now.microseconds) / 1_000_000
        try Data("+\(ahead)s\n".utf8).write(to: SetClock.file)
    }
}

@Suite(.needsStack, SetClock.stack) struct ClockTests {
    @Test func `what comes while a clock that was set back runs through counted hours is counted too`() async throws {
        let clock = SetClock()
        try await Laboratory.with(try OwnStack.required()) { laboratory in
            let monitor = try laboratory.makeLogin("in role sentinode_monitor")
            defer { laboratory.drop(monitor) }
            func store(_ patches: Int, at hour: Int, _ minute: Int) throws {
                try clock.set(hour, minute)
                try laboratory.publish(try TestPatches.jobs(patches, prefix: "at-\(hour)-\(minute)"))
                try laboratory.drain()
            }
            func run(at hour: Int, _ minute: Int) throws -> String {
                try clock.set(hour, minute)
                let program = try laboratory.start(
                    "monitor", "--windows", "hour,day", environment: ["SENTINODE_DATABASE_URL": monitor.url])
                try #require(try program.waitForEnd(within: 60) == .exit(0), "\(program.lastWords())")
                return try program.log()
            }
            func counted(_ hour: Int) throws -> [Double?] {
                try laboratory.database.query(
                    """
                    select value from monitor.latest_measurements
                    where metric = 'predictions' and window_kind = 'hour' and segment_kind = 'overall' and window_start = $1
                    """, [.timestamp(clock.time(hour, 0))]
                ).map { try $0.optionalFloat8("value") }
            }

            // Two hours ahead of the time, and set right.
            try store(20, at: 10, 20)
            #expect(!(try run(at: 12, 20).contains("set back")))
            #expect(try counted(10) == [20])
            try store(30, at: 10, 30)
            #expect(try run(at: 10, 40).contains("set back"))
            #expect(try counted(10) == [], "that hour is not over")
            #expect(!(try run(at: 12, 5).contains("set back")))
            #expect(try counted(10) == [50])

            // Two minutes, between two runs that are later both.
            try store(5, at: 12, 50)
            _ = try run(at: 13, 1)
            #expect(try counted(12) == [5])
            try store(10, at: 12, 59)
            #expect(try run(at: 13, 30).contains("set back"))
            #expect(try counted(12) == [15])
            #expect(!(try run(at: 14, 1).contains("set back")))
            #expect(try counted(12) == [15])
            #expect(
                try laboratory.count("select count(*) from monitor.runs where number between 1 and 6")
                    == laboratory.count("select count(*) from monitor.runs"))
        }
    }
}
