import WebClient

/// What came of posting one announcement, and what to do about it.
enum WebhookOutcome {
    case delivered
    /// Others may fare better.
    case refused(String)
    /// Others would fare no better.
    case unreachable(String)

    /// Longest wait for an answer, seconds.
    private static let patience = 10.0

    init(of post: Post) {
        do throws(PostError) {
            self.init(status: try post.send(within: WebhookOutcome.patience))
        } catch {
            self = error.isUnreachable ? .unreachable("\(error)") : .refused("\(error)")
        }
    }

    init(status: Int) {
        switch status {
        case 200..<300: self = .delivered
        case 300..<400:
            self = .refused(
                "it answered \(status), a redirect, which is not followed: name the address that it leads to")
        case 401, 403: self = .refused("it answered \(status): mend the secret or the address, here or there")
        case 404, 410: self = .refused("it answered \(status): mend the address")
        default: self = .refused("it answered \(status): its own log may say why")
        }
    }
}
