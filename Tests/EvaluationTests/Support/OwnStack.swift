import Foundation
import Testing

/// Gives a suite a RabbitMQ and a PostgreSQL of its own, which its tests may stop.
struct OwnStack: SuiteTrait, TestScoping {
    /// The file from which its database has the time, as libfaketime reads it; nil for the machine's clock.
    var clock: URL?

    /// The stack of the suite that runs.
    @TaskLocal static var current: Stack?

    static func required() throws -> Stack {
        let stack = current
        return try #require(stack, "the suite has no stack of its own")
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sentinode-own-" + randomName().prefix(8))
        try clock.map { try Data("+0s\n".utf8).write(to: $0) }
        let environment = clock.map { ["SENTINODE_STACK_CLOCK_FILE": $0.path] } ?? [:]
        let stack = try await onItsThread { try Stack(startedIn: folder.path, environment: environment) }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await OwnStack.$current.withValue(stack, operation: function))
        } catch {
            outcome = .failure(error)
        }
        _ = try await onItsThread { try stack.command("destroy") }
        try clock.map(FileManager.default.removeItem)
        try outcome.get()
    }

    /// Blocks a thread of its own, without taking one of the places for tests.
    private func onItsThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}

extension Trait where Self == OwnStack {
    /// The suite's tests find it in `OwnStack.current`. They stop services, so they run one after the other.
    static var ownStack: Self { OwnStack() }
}
