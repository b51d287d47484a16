import Foundation
import Synchronization
import Testing

/// Gives a suite a broker of its own, because its tests stop it, freeze it or raise its alarms.
struct PrivateBroker: SuiteTrait, TestScoping {
    private static let current = Mutex<String?>(nil)

    /// The folder of the suite's stack.
    static func folder() throws -> String { try #require(current.withLock { $0 }) }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "outage-\(UUID().uuidString)").path
        try await LiveBroker.onLaneThread { try LiveBroker.stack(["start", "rabbitmq"], folder: folder) }
        Self.current.withLock { $0 = folder }
        let result: Result<Void, any Error>
        do {
            result = .success(try await function())
        } catch {
            result = .failure(error)
        }
        try await LiveBroker.onLaneThread { try LiveBroker.stack(["destroy"], folder: folder) }
        try result.get()
    }

    /// Called once around the whole suite, not around each of its tests.
    func scopeProvider(for test: Test, testCase: Test.Case?) -> PrivateBroker? { test.isSuite ? self : nil }
}

extension Trait where Self == PrivateBroker {
    static var privateBroker: Self { PrivateBroker() }
}
