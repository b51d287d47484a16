public import Database
import Logging

/// What waits for the webhook.
public struct WebhookBacklog: Sendable {
    /// Announcements that wait.
    public let waiting: Int
    /// When the oldest was made; nil where none waits.
    public let since: Timestamp?
    /// Why the webhook did not take what was tried last; nil where nothing waits that was tried.
    public let failure: String?
    /// What it took just now.
    public internal(set) var delivered = 0

    public init(_ settings: DatabaseSettings) throws {
        let connection = try DatabaseConnection(settings)
        defer { connection.close() }
        self = try WebhookQueue(connection: connection).backlog()
    }

    init(waiting: Int, since: Timestamp?, failure: String?) {
        self.waiting = waiting
        self.since = since
        self.failure = failure
    }
}

/// Posts what is announced of alerts to the webhook, each until it is taken: at least once.
///
/// No transaction is open meanwhile: one would hold back the time as of which figures can be told.
struct AlertDelivery {
    /// Seconds after which a pass over what waits ends, so that a slow receiver does not keep the monitor waiting.
    private static let longestPass = 20.0
    /// Seconds between two passes.
    private static let pause = 1.0

    let webhook: Webhook?
    let queue: WebhookQueue
    let stop: StopRequest
    let logger: Logger

    /// One pass over what waits, and more of them for so many seconds while something still does.
    func deliver(retryingFor seconds: Double) throws -> WebhookBacklog {
        guard let webhook else { return try withoutWebhook() }
        guard try queue.isMine() else { return try queue.backlog() }
        let end = ContinuousClock.now + .seconds(seconds)
        var (delivered, hasFailed) = (0, false)
        var backlog: WebhookBacklog
        repeat {
            let pass = try pass(to: webhook)
            delivered += pass.delivered
            hasFailed = hasFailed || pass.hasFailed
            backlog = try queue.backlog()
        } while backlog.waiting > 0 && .now < end && !stop.wait(seconds: AlertDelivery.pause)
        backlog.delivered = delivered
        tell(backlog, of: webhook, hasFailed: hasFailed)
        return backlog
    }

    private func pass(to webhook: Webhook) throws -> (delivered: Int, hasFailed: Bool) {
        let end = ContinuousClock.now + .seconds(AlertDelivery.longestPass)
        let due = try queue.due()
        var pass = (delivered: 0, hasFailed: false)
        for (number, delivery) in due.enumerated() {
            guard .now < end, !stop.isRequested else { break }
            let post = try webhook.post(delivery, at: Timestamp.now.microseconds / 1_000_000)
            switch WebhookOutcome(of: post) {
            case .delivered:
                try queue.remove(delivery)
                pass.delivered += 1
            case .refused(let reason):
                try queue.putOff([delivery], because: reason)
                pass.hasFailed = true
            case .unreachable(let reason):
                try queue.putOff(due[number...], because: reason)
                pass.hasFailed = true
                return pass
            }
        }
        return pass
    }

    private func tell(_ backlog: WebhookBacklog, of webhook: Webhook, hasFailed: Bool) {
        if backlog.delivered > 0 {
            logger.info("alerts were delivered to the webhook", metadata: ["delivered": "\(backlog.delivered)"])
        }
        if hasFailed, let failure = backlog.failure {
            logger.warning(
                "alerts wait for the webhook at \(webhook) and are tried again: \(failure)",
                metadata: ["waiting": "\(backlog.waiting)"])
        }
    }

    private func withoutWebhook() throws -> WebhookBacklog {
        let backlog = try queue.backlog()
        if backlog.waiting > 0 {
            logger.warning(
                "alerts wait for a webhook, and this monitor was given none: \(WebhookBacklog.advice)",
                metadata: ["waiting": "\(backlog.waiting)"])
        }
        return backlog
    }
}

extension WebhookBacklog {
    static let advice =
        "set SENTINODE_MONITOR_WEBHOOK and its secret for the monitor, or forget them with SELECT monitor.end_webhook()"
}
