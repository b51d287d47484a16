import Database
import Foundation
import Testing

@testable import Evaluation

@Suite struct `Selection for review` {
    private let key: ReviewKey
    private let draw: Draw

    init() throws {
        key = try ReviewKey(bytes: Array(0..<32))
        draw = try Draw(key: key)
    }

    private static func rule(
        _ number: Int16, _ reason: ReviewReason, site: String? = nil, from low: Double = 0, to high: Double = 2,
        rate: Double = 1, top: Int = 0, secondRead: Double = 0, blind: Bool = false, keep: Int = 0
    ) -> ReviewRule {
        ReviewRule(
            number: number, reason: reason, site: site, scoreLow: low, scoreHigh: high, rate: rate, topPerSlide: top,
            secondReadRate: secondRead, isBlind: blind, keepImageDays: keep)
    }

    private func selector(_ rules: ReviewRule...) -> Selector {
        Selector(policy: ReviewPolicy(generation: 7, keyCommitment: key.commitment, rules: rules), draw: draw)
    }

    private static func candidate(
        _ decision: Decision, _ pTumor: Float = 0.5, site: String? = nil, highest: Bool = false, job: UUID = UUID()
    ) -> Candidate {
        Candidate(job: job, decision: decision, pTumor: pTumor, site: site, isAmongHighest: highest)
    }

    /// A job that the draw hits, or misses, at this rate.
    private func job(_ purpose: Draw.Purpose, rate: Double, drawn: Bool) throws -> UUID {
        let jobs = (0...).lazy.map { number in Result { try JobIdentity.job(messageID: "\(number)", sender: "test") } }
        for job in jobs {
            let job = try job.get()
            if try draw.draws(job, for: purpose, rate: rate) == drawn { return job }
        }
        throw CancellationError()
    }

    @Test func `an uncertain prediction is selected for certain, with a rule or without one`() throws {
        let without = try selector().selection(of: Self.candidate(.uncertain))
        #expect(without.reason == .uncertain && without.probability == 1)
        #expect(without.reading == .init(rule: nil, secondReadProbability: 0, readsWanted: 1, isBlind: false))
        #expect(without.keepImageDays == 0)
        let with = try selector(Self.rule(3, .uncertain, secondRead: 1, keep: 30)).selection(
            of: Self.candidate(.uncertain))
        #expect(with.reading == .init(rule: 3, secondReadProbability: 1, readsWanted: 2, isBlind: false))
        #expect(with.keepImageDays == 30)
    }

    @Test func `a patch out of scope is selected as an uncertain one, and says why`() throws {
        var candidate = Self.candidate(.uncertain, 0.99)
        candidate.isOutOfScope = true
        let selection = try selector(Self.rule(3, .uncertain, keep: 30)).selection(of: candidate)
        #expect(selection.reason == .outOfScope && selection.probability == 1)
        #expect(selection.reading?.rule == 3 && selection.keepImageDays == 30)
    }

    @Test func `only the audit draw makes a reading blind, also of what is selected anyway`() throws {
        let blind = selector(Self.rule(1, .positive, rate: 1, top: 2), Self.rule(2, .audit, rate: 0.3, blind: true))
        for drawn in [true, false] {
            let candidate = Self.candidate(.tumor, job: try job(.audit, rate: 0.3, drawn: drawn))
            #expect(try blind.isReadBlind(candidate) == drawn)
            #expect(try blind.selection(of: candidate).reading?.isBlind == drawn)
        }
        let seen = selector(Self.rule(1, .audit))
        #expect(try !seen.isReadBlind(Self.candidate(.tumor)))
    }

    @Test func `what no rule fits has probability 0 and is not selected`() throws {
        let selection = try selector(Self.rule(1, .positive, site: "A"), Self.rule(2, .audit, from: 0.6))
            .selection(of: Self.candidate(.tumor, 0.5, site: "B"))
        #expect(selection.positive == .init(probability: 0, isSelected: false))
        #expect(selection.audit == .init(probability: 0, isSelected: false))
        #expect(selection.probability == 0 && selection.reason == nil && selection.reading == nil)
    }

    @Test(arguments: [Decision.normal, .uncertain])
    func `only the decision tumor makes a positive`(decision: Decision) throws {
        let selection = try selector(Self.rule(1, .positive, top: 5)).selection(
            of: Self.candidate(decision, highest: true))
        #expect(selection.positive == .init(probability: 0, isSelected: false))
    }

    @Test func `the highest scores of a slide are selected for certain and the others drawn`() throws {
        let selector = selector(Self.rule(1, .positive, rate: 0.25, top: 5))
        let missed = try job(.positive, rate: 0.25, drawn: false)
        let high = try selector.selection(of: Self.candidate(.tumor, highest: true, job: missed))
        #expect(high.positive == .init(probability: 1, isSelected: true) && high.probability == 1)
        let low = try selector.selection(of: Self.candidate(.tumor, job: missed))
        #expect(low.positive == .init(probability: 0.25, isSelected: false) && low.reason == nil)
        let drawn = try job(.positive, rate: 0.25, drawn: true)
        #expect(try selector.selection(of: Self.candidate(.tumor, job: drawn)).reason == .positive)
    }

    @Test func `the probability is that of being selected for any reason`() throws {
        let selector = selector(Self.rule(1, .positive, rate: 0.25), Self.rule(2, .audit, rate: 0.5))
        #expect(try selector.selection(of: Self.candidate(.tumor)).probability == 1 - 0.75 * 0.5)
        #expect(try selector.selection(of: Self.candidate(.normal)).probability == 0.5)
        #expect(try selector.selection(of: Self.candidate(.uncertain)).probability == 1)
    }

    @Test(arguments: [Decision.tumor, .normal, .uncertain])
    func `the audit rule governs what the audit draw selected, whatever the decision`(decision: Decision) throws {
        let selector = selector(
            Self.rule(1, .uncertain, secondRead: 1, keep: 90), Self.rule(2, .positive, secondRead: 1, keep: 30),
            Self.rule(3, .audit, rate: 0.5, blind: true, keep: 10))
        let drawn = try selector.selection(
            of: Self.candidate(decision, job: try job(.audit, rate: 0.5, drawn: true)))
        #expect(drawn.reading == .init(rule: 3, secondReadProbability: 0, readsWanted: 1, isBlind: true))
        #expect(drawn.reason == [.tumor: .positive, .normal: .audit, .uncertain: .uncertain][decision])
        #expect(drawn.keepImageDays == [.tumor: 30, .normal: 10, .uncertain: 90][decision])
        let missed = try selector.selection(
            of: Self.candidate(decision, job: try job(.audit, rate: 0.5, drawn: false)))
        #expect(missed.reading?.rule == [.tumor: 2, .uncertain: 1][decision])
        #expect(missed.reading.map(\.isBlind) == (decision == .normal ? nil : false))
    }

    @Test func `the first rule that fits counts, by site and by a band that is open above`() throws {
        let selector = selector(
            Self.rule(1, .audit, site: "A", from: 0.25, to: 0.5, rate: 0.125),
            Self.rule(2, .audit, site: "A", rate: 0.25),
            Self.rule(3, .audit, to: 0.5, rate: 0.375))
        func rate(_ pTumor: Float, _ site: String?) throws -> Double {
            try selector.selection(of: Self.candidate(.normal, pTumor, site: site)).audit.probability
        }
        #expect(try rate(0.25, "A") == 0.125 && rate(Float(0.5).nextDown, "A") == 0.125)
        #expect(try rate(0.5, "A") == 0.25 && rate(Float(0.25).nextDown, "A") == 0.25)
        #expect(try rate(0.25, "B") == 0.375 && rate(0.25, nil) == 0.375)
        #expect(try rate(0.5, "B") == 0 && rate(1, nil) == 0)
    }

    @Test func `a second reading is drawn with the governing rule's rate`() throws {
        let selector = selector(Self.rule(1, .uncertain, secondRead: 0.25))
        for (drawn, reads) in [(true, Int16(2)), (false, 1)] {
            let job = try job(.secondRead, rate: 0.25, drawn: drawn)
            let reading = try selector.selection(of: Self.candidate(.uncertain, job: job)).reading
            #expect(reading?.secondReadProbability == 0.25 && reading?.readsWanted == reads)
        }
    }
}

@Suite struct `The ranking of a slide` {
    private func ranked(_ pTumor: Float..., slide: String = "S", top: Int = 2) -> [RankedPositive] {
        pTumor.map { RankedPositive(slide: slide, pTumor: $0, top: top) }
    }

    @Test func `counts what is stored and what comes in the same batch`() {
        let ranking = SlideRanking(stored: ["S": [0.7, 0.6]])
        #expect(ranking.areAmongHighest(ranked(0.65)) == [true])
        #expect(ranking.areAmongHighest(ranked(0.55)) == [false])
        #expect(ranking.areAmongHighest(ranked(0.65, 0.8, 0.9)) == [false, true, true])
    }

    @Test func `gives no more than the limit to identical scores, the earlier first`() {
        let ranking = SlideRanking(stored: [:])
        #expect(ranking.areAmongHighest(ranked(0.9, 0.9, 0.9, 0.9)) == [true, true, false, false])
        #expect(SlideRanking(stored: ["S": [0.9, 0.9]]).areAmongHighest(ranked(0.9)) == [false])
    }

    @Test func `lets what is read blind take no rank from the others, and ranks it among them`() {
        var positives = ranked(0.9, 0.8, 0.7, 0.6)
        for index in [0, 2] { positives[index].isBlind = true }
        #expect(SlideRanking(stored: [:]).areAmongHighest(positives) == [true, true, true, true])
        #expect(SlideRanking(stored: ["S": [0.75]]).areAmongHighest(positives) == [true, true, false, false])
    }

    @Test func `knows slides apart, and each positive's own limit`() {
        let positives = ranked(0.6, slide: "A") + ranked(0.9, slide: "B") + ranked(0.7, 0.8, slide: "A", top: 1)
        let ranking = SlideRanking(stored: ["B": [0.95, 0.95], "C": [1, 1, 1]])
        #expect(ranking.areAmongHighest(positives) == [false, false, false, true])
    }
}

@Suite struct `A kept image` {
    @Test func `is kept to the end of the day`() {
        let day: Int64 = 86_400_000_000
        #expect(KeptImage.keepUntil(at: Timestamp(microseconds: day * 5), days: 2).microseconds == day * 7)
        #expect(KeptImage.keepUntil(at: Timestamp(microseconds: day * 5 + 1), days: 2).microseconds == day * 8)
    }
}
