import Foundation
import Monitoring
import Testing

@Suite struct `The corrected figures of a laboratory` {
    private static let isLong = ProcessInfo.processInfo.environment["SENTINODE_TEST_LONG"] == "1"
    private static let labs = isLong ? 2_000 : 200

    /// Recall over 2,000 laboratories 93.5-96.5 %; over 200 the same with three binomial standard errors (1.5 % each)
    /// more, which leaves every laboratory covered as too many. Over 20,000 laboratories it is 94.7-96.1 %.
    private static let accepted = isLong ? 0.935...0.965 : 0.89...0.995

    /// The other figures: 94.4-96.9 % over 20,000 laboratories, balanced accuracy the highest, and three standard errors
    /// of 2,000 laboratories (0.5 % each) around.
    private static let acceptedOfOthers = isLong ? 0.93...0.982 : 0.89...1

    private static let laboratories = [
        (40, 60), (40, 150), (40, 400), (80, 200), (120, 40), (120, 100), (200, 60), (200, 400),
    ]

    @Test(arguments: laboratories)
    func `have intervals that cover the truth as often as they say`(slides: Int, patches: Int) throws {
        let lab = VerificationLab(slides: slides, patchesPerSlide: patches)
        let figures = ConfusionFigure.allCases
        var covered = [ConfusionFigure: Int]()
        for seed in 0..<Self.labs {
            let totals = SlideTotals(lab.audit(seed: UInt64(slides << 40 | patches << 20 | seed)))
            for figure in figures {
                let estimate = try #require(totals.estimate(of: figure).value)
                let truth = try #require(VerificationLab.truth.value(of: figure))
                covered[figure, default: 0] += estimate.interval.contains(truth) ? 1 : 0
            }
        }
        for figure in figures {
            let share = Double(covered[figure] ?? 0) / Double(Self.labs)
            print("coverage \(share) of \(figure) over \(Self.labs) laboratories of \(slides) slides x \(patches)")
            #expect((figure == .recall ? Self.accepted : Self.acceptedOfOthers).contains(share), "\(figure)")
        }
    }

    @Test func `are right on average where plain recall is not`() throws {
        let lab = VerificationLab(slides: 80, patchesPerSlide: 200)
        var corrected = 0.0
        var plain = 0.0
        for seed in 0..<200 {
            let audited = lab.audit(seed: UInt64(seed))
            corrected += try #require(SlideTotals(audited).matrix.recall) / 200
            var counts = ConfusionMatrix()
            for patch in audited { counts.add(isTumour: patch.isTumour, isCalledTumour: patch.isCalledTumour) }
            plain += try #require(counts.recall) / 200
        }
        let truth = try #require(VerificationLab.truth.recall)
        // The standard error of both means is about 0.001.
        #expect(abs(corrected - truth) < 0.004)
        #expect(plain < truth - 0.012)
    }
}
