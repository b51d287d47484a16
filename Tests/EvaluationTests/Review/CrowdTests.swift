import Foundation
import Synchronization
import Testing

@testable import Database
@testable import Evaluation

/// Many readers at one worklist.
@Suite(.needsStack) struct CrowdTests {
    private static let readers = 32
    private static let items = ProcessInfo.processInfo.environment["SENTINODE_TEST_LONG"] == nil ? 2_000 : 20_000

    /// What one reader did, or why it could not.
    private struct Shift: Sendable {
        var served: [String] = []
        var labelled = 0
        var failure: String?
    }

    @Test func `32 readers at once claim and label a whole worklist, each patch served once and each label kept`()
        async throws
    {
        try await ReviewRoom.with { room in
            for start in stride(from: 1, through: CrowdTests.items, by: 1000) {
                try room.store((start..<start + 1000).map { MadePrediction(number: $0, p: 0.5, slide: "S-\($0 % 40)") })
            }
            let readers = try (1...CrowdTests.readers).map { try room.makeReader("Dr. \($0)") }
            let logins = readers.map { ($0.login, $0.password) }
            for reader in readers { reader.connection.close() }
            let settings = try logins.map { login, password in
                DatabaseSettings(
                    url: try room.stack.databaseURL(database: room.name, user: login, password: password),
                    applicationName: "sentinode tests")
            }
            let shifts = CrowdTests.work(settings)
            #expect(shifts.compactMap(\.failure) == [])
            let served = shifts.flatMap(\.served)
            #expect(served.count == CrowdTests.items, "nothing was served twice")
            #expect(Set(served).count == CrowdTests.items, "everything was served")
            #expect(shifts.map(\.labelled).reduce(0, +) == CrowdTests.items)
            #expect(shifts.filter { $0.labelled > 0 }.count > 1, "readers worked side by side")
            let counts = try room.operatorSession.rows(
                """
                select (select count(*) from review.worklist_items), (select count(*) from review.labels),
                    (select count(distinct job_id) from review.labels), (select count(*) from review.claims),
                    (select count(*) from review.final_labels where how = 'single read')
                """)
            let all = "\(CrowdTests.items)"
            #expect(counts == [["0", all, all, all, all]])
            let foreign = try room.operatorSession.value(
                """
                select count(*) from review.labels as said
                where not exists (select from review.claims as claim
                                  where claim.job_id = said.job_id and claim.reader = said.reader)
                """)
            #expect(foreign == "0")
            #expect(try room.auditProblems() == [])
        }
    }

    /// Each reader on a thread of its own, all begun together.
    private static func work(_ settings: [DatabaseSettings]) -> [Shift] {
        let shifts = Mutex<[Shift]>([])
        let ended = DispatchGroup()
        let begin = DispatchSemaphore(value: 0)
        for (number, settings) in settings.enumerated() {
            ended.enter()
            Thread.detachNewThread {
                begin.wait()
                var shift = Shift()
                do {
                    try CrowdTests.read(&shift, settings, number)
                } catch {
                    shift.failure = "reader \(number): \(error)"
                }
                shifts.withLock { $0.append(shift) }
                ended.leave()
            }
        }
        for _ in settings { begin.signal() }
        ended.wait()
        return shifts.withLock { $0 }
    }

    /// Claims and labels until nothing is left; every other reader labels patch by patch, the rest together.
    private static func read(_ shift: inout Shift, _ settings: DatabaseSettings, _ number: Int) throws {
        let session = Session(login: "", connection: try DatabaseConnection(settings))
        defer { session.connection.close() }
        while true {
            let jobs = try session.column("select job_id from review.claim(\(3 + number % 9))").compactMap { $0 }
            if jobs.isEmpty { return }
            shift.served += jobs
            let label = number % 3 == 0 ? "normal" : "tumor"
            if number.isMultiple(of: 2) {
                let list = jobs.reversed().map { "'\($0)'" }.joined(separator: ",")
                try session.run("select review.confirm_many(array[\(list)]::uuid[], '\(label)')")
            } else {
                for job in jobs { try session.run("select review.confirm('\(job)', '\(label)')") }
            }
            shift.labelled += jobs.count
        }
    }
}
