/// A point on the monotonic clock; waits are given as seconds and bounded to a day, whatever a caller computes.
struct Deadline: Comparable {
    private let instant: ContinuousClock.Instant

    static func after(_ seconds: Double) -> Deadline {
        let bounded = seconds.isNaN ? 0 : min(max(seconds, 0), 86_400)
        return Deadline(instant: ContinuousClock.now + .seconds(bounded))
    }

    var hasPassed: Bool { instant <= .now }

    /// Whole milliseconds that are left, rounded up so that a wait does not spin.
    var milliseconds: Int32 {
        let (seconds, attoseconds) = (instant - .now).components
        return Int32(max(0, seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }

    static func < (left: Deadline, right: Deadline) -> Bool { left.instant < right.instant }
}
