import Foundation
import MessageBroker

/// Steps of a batch's life at which a test can stop the process.
enum WorkerStep: String {
    case decode, classify, record, announce, acknowledge, acknowledged
}

#if DEBUG
    /// Deaths that tests ask for through the environment. Release builds hold none of this.
    struct FaultInjection: Sendable {
        /// The step before which the process kills itself.
        private let dieBefore = ProcessInfo.processInfo.environment["SENTINODE_TEST_DIE_BEFORE"]
        /// The message_id whose patch crashes the network.
        private let crashOn = ProcessInfo.processInfo.environment["SENTINODE_TEST_CRASH_ON"]

        func reach(_ step: WorkerStep) {
            if dieBefore == step.rawValue { kill(getpid(), SIGKILL) }
        }

        func crash(on examined: [Examined]) throws {
            guard let crashOn else { return }
            if examined.contains(where: { $0.patch != nil && $0.submission.delivery.properties.messageID == crashOn }) {
                abort()
            }
        }
    }
#else
    struct FaultInjection: Sendable {
        func reach(_ step: WorkerStep) {}
        func crash(on examined: [Examined]) throws {}
    }
#endif
