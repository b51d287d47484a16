/// The outcomes of one batch of publishing. The broker numbers messages in the order of sending, and confirms them in
/// any order, singly or "all up to".
struct ConfirmLedger {
    private(set) var outcomes: [PublishOutcome]
    private let firstTag: UInt64
    /// The message behind each tag from `firstTag` on.
    private var indices: [Int] = []
    private var isDecided: [Bool] = []
    /// Every tag below this position is decided: "all up to" starts here.
    private var lowest = 0
    private var undecided = 0

    /// - Parameter firstTag: the number that the broker gives to the next message.
    init(count: Int, firstTag: UInt64) {
        outcomes = Array(repeating: .unconfirmed, count: count)
        self.firstTag = firstTag
    }

    /// Whether everything that was sent has its outcome.
    var isComplete: Bool { undecided == 0 }

    /// The message was sent, so that it has the next number.
    mutating func sent(_ index: Int) {
        indices.append(index)
        isDecided.append(false)
        undecided += 1
    }

    /// The message was not sent and never can be.
    mutating func unsendable(_ index: Int, _ reason: String) {
        outcomes[index] = .returned(code: 502, text: reason)
    }

    /// The broker sent a message back; its confirm follows. Returns carry no number: `matches` tells which message it
    /// may be, and they come in the order of sending.
    mutating func returned(code: Int, text: String, matches: (Int) -> Bool) {
        for position in lowest..<indices.count where !isDecided[position] {
            let index = indices[position]
            guard outcomes[index] == .unconfirmed, matches(index) else { continue }
            outcomes[index] = .returned(code: code, text: text)
            return
        }
    }

    mutating func confirm(_ tag: UInt64, multiple: Bool) { decide(tag, multiple, .confirmed) }

    mutating func refuse(_ tag: UInt64, multiple: Bool) { decide(tag, multiple, .refused) }

    /// Numbers of earlier batches are late answers, which nobody waits for any more.
    private mutating func decide(_ tag: UInt64, _ multiple: Bool, _ outcome: PublishOutcome) {
        guard tag >= firstTag, tag - firstTag < UInt64(indices.count) else { return }
        let last = Int(tag - firstTag)
        for position in (multiple ? min(lowest, last) : last)...last where !isDecided[position] {
            isDecided[position] = true
            undecided -= 1
            if outcomes[indices[position]] == .unconfirmed { outcomes[indices[position]] = outcome }
        }
        while lowest < isDecided.count, isDecided[lowest] { lowest += 1 }
    }
}
