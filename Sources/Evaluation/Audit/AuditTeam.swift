import AuditTrail
import Database
import Foundation
import Synchronization

/// Threads that take slices one after another until none is left, each through a connection of its own that sees what
/// the others see.
struct AuditTeam {
    private enum Task: Sendable {
        case slice(AuditSlice)
        case census(table: Int)
        case patches(share: Int)
        case missingPatches, forgottenReviews, alteredWorklist, chains

        /// What only a whole verification looks at: the rows of every table, and what is no leaf and follows from leaves.
        static func whole(tables: Int) -> [Task] {
            (0..<tables).map { .census(table: $0) } + [.missingPatches, .forgottenReviews, .alteredWorklist, .chains]
                + (0..<KeptPatchCheck.shares).map { .patches(share: $0) }
        }
    }

    /// What all of them found together.
    struct Outcome: Sendable {
        var result: SliceResult
        /// Rows counted, by table.
        var counts: [Int: Int] = [:]

        var isEmpty: Bool { result.seals == 0 && result.events == 0 }
    }

    private struct State: Sendable {
        var tasks: ArraySlice<Task>
        var outcome: Outcome
        var failure: (any Error)?
    }

    private let settings: DatabaseSettings
    private let scope: AuditScope
    private let tables: [StampedTable]
    private let snapshot: SnapshotName

    init(_ settings: DatabaseSettings, _ scope: AuditScope, _ tables: [StampedTable], snapshot: SnapshotName) {
        (self.settings, self.scope, self.tables, self.snapshot) = (settings, scope, tables, snapshot)
    }

    /// Works the plan off.
    ///
    /// - Throws: the first error that ended a worker; the others stop at their next slice.
    func run(_ plan: AuditPlan, workers: Int, progress: (_ done: Int, _ total: Int) -> Void) throws -> Outcome {
        // These are long statements: those who begin with them are not the last to end.
        let whole = scope.isWhole ? Task.whole(tables: tables.count) : []
        let tasks = whole + plan.slices.map { Task.slice($0) }
        let state = SharedState(
            State(tasks: tasks[...], outcome: Outcome(result: SliceResult(tables: tables.count))))
        let group = DispatchGroup()
        var threads: [JoinedThread] = []
        do {
            for number in 1...min(workers, max(1, tasks.count)) {
                group.enter()
                threads.append(
                    try JoinedThread(named: "audit \(number)") { [self] in
                        do { try work(state) } catch { state.fail(error) }
                        group.leave()
                    })
            }
        } catch {
            state.fail(error)
            group.leave()
        }
        while group.wait(timeout: .now() + .milliseconds(200)) == .timedOut { progress(state.events, plan.seals) }
        for thread in threads { thread.join() }
        progress(state.events, plan.seals)
        return try state.outcome()
    }

    private func work(_ state: SharedState) throws {
        let connection = try DatabaseConnection(settings)
        defer { connection.close() }
        try connection.transaction(isolation: .repeatableReadOnly) { connection in
            try connection.adopt(snapshot)
            try AuditVerification.prepare(connection)
            if !scope.isWhole { try preferIndexes(connection) }
            let hash = try Hash()
            let digesters = tables.map { RowDigester($0, hash: hash) }
            while let task = state.next() {
                switch task {
                case .slice(let slice):
                    let content = try SliceContent(slice, tables, digesters, connection)
                    var check = SliceCheck(
                        content, tables, walksChains: scope.walksChains, connection, hash: hash)
                    state.add(try check.run())
                case .census(let table):
                    state.add(try TableCensus(of: tables[table], connection), table)
                case .patches(let share):
                    state.add(try KeptPatchCheck.changed(share: share, connection))
                case .missingPatches: state.add(try KeptPatchCheck.missing(connection))
                case .forgottenReviews: state.add(try WorkingTableCheck.forgotten(connection))
                case .alteredWorklist: state.add(try WorkingTableCheck.altered(connection))
                case .chains: state.add(try WorkingTableCheck.chains(connection))
                }
            }
        }
    }

    /// A few spans of a long chain look to the planner like a large part of every table.
    private func preferIndexes(_ connection: DatabaseConnection) throws {
        try connection.run(
            script: "set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off")
    }

    /// What the threads share.
    private final class SharedState: Sendable {
        private let state: Mutex<State>

        init(_ state: sending State) { self.state = Mutex(state) }

        /// Events verified so far.
        var events: Int { state.withLock { $0.outcome.result.events } }

        func next() -> Task? { state.withLock { $0.failure == nil ? $0.tasks.popFirst() : nil } }
        func add(_ result: SliceResult) { state.withLock { $0.outcome.result.add(result) } }
        func add(_ findings: FindingList) { state.withLock { $0.outcome.result.findings.add(findings) } }
        func fail(_ error: any Error) { state.withLock { $0.failure = $0.failure ?? error } }

        func add(_ census: TableCensus, _ table: Int) {
            state.withLock {
                $0.outcome.counts[table] = census.rows
                $0.outcome.result.findings.add(census.findings)
            }
        }

        func outcome() throws -> Outcome {
            try state.withLock { state in
                if let failure = state.failure { throw failure }
                return state.outcome
            }
        }
    }
}
