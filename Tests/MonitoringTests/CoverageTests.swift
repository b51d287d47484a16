import Foundation
import Monitoring
import Testing

@Suite struct `The corrected recall` {
    private static let isLong = ProcessInfo.processInfo.environment["SENTINODE_TEST_LONG"] == "1"
    private static let labs = isLong ? 2_000 : 200

    /// Over 2,000 laboratories 93.5-96.5 %; over 200 the same with three binomial standard errors (1.5 % each) more,
    /// which leaves every laboratory covered as too many.
    private static let accepted = isLong ? 0.935...0.965 : 0.89...0.995

    @Test(arguments: [(40, 60), (40, 150), (40, 400), (80, 200), (120, 40), (120, 100), (200, 60), (200, 400)])
    func `has an interval that covers the truth as often as it says`(slides: Int, patches: Int) throws {
        let lab = VerificationLab(slides: slides, patchesPerSlide: patches)
        let truth = VerificationLab.trueRecall
        var covered = 0
        var corrected = 0.0
        var plain = 0.0
        for seed in 0..<Self.labs {
            let audited = lab.audit(seed: UInt64(seed * 1000 + slides))
            let estimate = try #require(clusteredEstimate(of: .recall, patches: audited)?.value)
            covered += estimate.interval.contains(truth) ? 1 : 0
            corrected += estimate.value
            var counts = ConfusionMatrix()
            for patch in audited { counts.add(isTumour: patch.isTumour, isCalledTumour: patch.isCalledTumour) }
            plain += try #require(counts.recall)
        }
        let count = Double(Self.labs)
        let share = Double(covered) / count
        print("coverage \(share) over \(Self.labs) laboratories of \(slides) slides")
        #expect(Self.accepted.contains(share))
        #expect(abs(corrected / count - truth) < 0.006)
        #expect(abs(plain / count - truth) > 0.012)
    }
}
