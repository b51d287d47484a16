/// How long to wait before the next attempt: doubling, capped, spread by jitter so that lanes do not return together.
public struct Backoff: Sendable, Equatable {
    /// Seconds before the second attempt.
    public let first: Double
    /// Seconds that no delay exceeds.
    public let longest: Double

    public init(first: Double = 0.25, longest: Double = 30) {
        self.first = max(first, 0)
        self.longest = max(longest, self.first)
    }

    /// Seconds to wait after `attempt` failures in a row (1, 2, ...); `jitter` in 0..<1 takes up to half away.
    public func delay(afterAttempt attempt: Int, jitter: Double) -> Double {
        var delay = first
        for _ in 1..<min(max(attempt, 1), 64) where delay < longest { delay *= 2 }
        return min(delay, longest) * (1 - 0.5 * min(max(jitter, 0), 1))
    }
}
