import Foundation

/// Runs what is given to it on threads of their own: these tests block, and the cooperative pool must not.
private final class DedicatedThreads: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Laboratories that are open at once: more would only wait for each other's processor.
private let places = DispatchSemaphore(value: 2)

/// Runs `body` on a thread of its own, still as part of its test, once one of the few places is free.
func onDedicatedThread<Value>(_ body: () async throws -> Value) async throws -> Value {
    try await withTaskExecutorPreference(DedicatedThreads()) {
        await takePlace()
        defer { places.signal() }
        return try await body()
    }
}

/// A function of its own, because a semaphore cannot be waited for in an asynchronous one; it blocks only its thread.
private func takePlace() async {
    func block() { places.wait() }
    block()
}
