import Testing

@testable import MessageBroker

struct DeliveryLedgerTests {
    private typealias Ack = DeliveryLedger.Acknowledgement

    private func ledger(_ tags: ClosedRange<UInt64>) -> DeliveryLedger {
        var ledger = DeliveryLedger()
        for tag in tags { ledger.add(tag) }
        return ledger
    }

    @Test func `a whole batch is acknowledged with one frame`() {
        var ledger = ledger(1...64)
        #expect(ledger.acknowledge(Array(1...64).shuffled()) == [Ack(tag: 64, multiple: true)])
        #expect(ledger.count == 0)
    }

    @Test func `a delivery that stays open is never covered by a multiple acknowledgement`() {
        var ledger = ledger(1...6)
        #expect(
            ledger.acknowledge([1, 2, 4, 6]) == [
                Ack(tag: 2, multiple: true), Ack(tag: 4, multiple: false), Ack(tag: 6, multiple: false),
            ])
        #expect(ledger.contains(3) && ledger.contains(5) && ledger.count == 2)
        #expect(ledger.acknowledge([5, 3]) == [Ack(tag: 5, multiple: true)])
    }

    @Test func `later deliveries do not keep earlier ones from one frame, and rejected ones are passed over`() {
        var ledger = ledger(1...5)
        ledger.remove(2)
        #expect(ledger.acknowledge([1, 3]) == [Ack(tag: 3, multiple: true)])
        #expect(ledger.acknowledge([4]) == [Ack(tag: 4, multiple: false)])
        #expect(!ledger.contains(4) && ledger.contains(5))
    }
}

struct ConfirmLedgerTests {
    private func ledger(sent count: Int, firstTag: UInt64 = 1) -> ConfirmLedger {
        var ledger = ConfirmLedger(count: count, firstTag: firstTag)
        for index in 0..<count { ledger.sent(index) }
        return ledger
    }

    @Test func `confirms may come out of order, singly and for all up to one`() {
        var ledger = ledger(sent: 5, firstTag: 101)
        ledger.confirm(103, multiple: false)
        #expect(
            ledger.outcomes == [.unconfirmed, .unconfirmed, .confirmed, .unconfirmed, .unconfirmed])
        ledger.confirm(102, multiple: true)
        ledger.refuse(105, multiple: true)
        #expect(ledger.outcomes == [.confirmed, .confirmed, .confirmed, .refused, .refused])
        #expect(ledger.isComplete)
    }

    @Test func `a late answer to an earlier batch decides nothing`() {
        var ledger = ledger(sent: 2, firstTag: 11)
        ledger.confirm(10, multiple: true)
        ledger.confirm(3, multiple: false)
        ledger.confirm(13, multiple: false)
        #expect(ledger.outcomes == [.unconfirmed, .unconfirmed])
        #expect(!ledger.isComplete)
    }

    @Test func `a returned message stays returned when its positive confirm follows`() {
        var ledger = ledger(sent: 3)
        ledger.returned(code: 312, text: "NO_ROUTE") { $0 == 1 }
        #expect(!ledger.isComplete)
        ledger.confirm(3, multiple: true)
        #expect(ledger.outcomes == [.confirmed, .returned(code: 312, text: "NO_ROUTE"), .confirmed])
        #expect(ledger.isComplete)
    }

    @Test func `equal messages that come back are told apart by their order`() {
        var ledger = ledger(sent: 3)
        ledger.returned(code: 312, text: "NO_ROUTE") { _ in true }
        ledger.confirm(1, multiple: false)
        ledger.returned(code: 312, text: "NO_ROUTE") { _ in true }
        ledger.confirm(3, multiple: true)
        #expect(
            ledger.outcomes == [
                .returned(code: 312, text: "NO_ROUTE"), .returned(code: 312, text: "NO_ROUTE"), .confirmed,
            ])
    }

    @Test func `a message that was never sent shifts no number`() {
        var ledger = ConfirmLedger(count: 3, firstTag: 1)
        ledger.sent(0)
        ledger.unsendable(1, "too long")
        ledger.sent(2)
        ledger.confirm(2, multiple: false)
        #expect(ledger.outcomes == [.unconfirmed, .returned(code: 502, text: "too long"), .confirmed])
    }
}

struct BackoffTests {
    @Test func `the delay doubles up to its cap and jitter takes at most half`() {
        let backoff = Backoff(first: 0.5, longest: 10)
        #expect((1...7).map { backoff.delay(afterAttempt: $0, jitter: 0) } == [0.5, 1, 2, 4, 8, 10, 10])
        #expect(backoff.delay(afterAttempt: 3, jitter: 1) == 1)
        #expect(backoff.delay(afterAttempt: .max, jitter: 0.5) == 7.5)
        #expect(backoff.delay(afterAttempt: -3, jitter: 0) == 0.5)
    }
}
