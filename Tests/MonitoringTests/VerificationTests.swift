import Monitoring
import Testing

@Suite struct `Verification bias` {
    /// Liver scans of Drum and Christacopoulos, as Begg and Greenes (1983) corrected them.
    @Test func `of the published liver scans is corrected to the published figures`() throws {
        let verified = ConfusionMatrix(
            truePositives: 231, falsePositives: 32, falseNegatives: 27, trueNegatives: 54)
        let scans = try #require(
            BeggGreenes(verified: verified, unverifiedCalledTumour: 166, unverifiedCalledNormal: 140))
        #expect(abs(scans.recall - 0.836) < 0.0005)
        #expect(abs(scans.specificity - 0.738) < 0.0005)
        #expect(abs(try #require(verified.recall) - 0.895) < 0.0005)
        #expect(abs(try #require(verified.specificity) - 0.628) < 0.0005)
        #expect(abs(scans.corrected.total - 650) < 1e-9)
        let interval = try #require(scans.recallInterval)
        #expect(interval.lower < scans.recall && scans.recall < interval.upper)
        #expect(interval.upper - interval.lower < 0.12)
    }

    /// The interval against 400 draws of the whole process.
    @Test func `has intervals that cover`() throws {
        var random = SplitMix64(seed: 5)
        var covered = 0
        for _ in 0..<400 {
            var verified = ConfusionMatrix()
            var silent = [true: 0.0, false: 0.0]
            for _ in 0..<800 {
                let isTumour = random.uniform() < 0.4
                let call = random.uniform() < (isTumour ? 0.85 : 0.2)
                if random.uniform() < (call ? 0.6 : 0.3) {
                    verified.add(isTumour: isTumour, isCalledTumour: call)
                } else {
                    silent[call, default: 0] += 1
                }
            }
            let figures = try #require(
                BeggGreenes(
                    verified: verified, unverifiedCalledTumour: silent[true] ?? 0,
                    unverifiedCalledNormal: silent[false] ?? 0))
            covered += try #require(figures.recallInterval).contains(0.85) ? 1 : 0
        }
        #expect((365...395).contains(covered))
    }

    @Test func `has no correction where a call was never verified`() {
        let verified = ConfusionMatrix(truePositives: 10, falsePositives: 2)
        #expect(BeggGreenes(verified: verified, unverifiedCalledTumour: 5, unverifiedCalledNormal: 9) == nil)
    }

    @Test func `weights are the inverse of selection times response, and undefined without either`() {
        #expect(verificationWeight(selectionProbability: 0.05, responseRate: 0.5) == 40)
        #expect(verificationWeight(selectionProbability: 0, responseRate: 0.5) == nil)
        #expect(verificationWeight(selectionProbability: 0.1, responseRate: 0) == nil)
        #expect(verificationWeight(selectionProbability: 1.1, responseRate: 1) == nil)
        #expect(verificationWeight(selectionProbability: .nan, responseRate: 1) == nil)
    }

    @Test func `bounds of what silence can do hold every split of the silent patches`() throws {
        let answered = ConfusionMatrix(truePositives: 40, falsePositives: 10, falseNegatives: 5, trueNegatives: 60)
        for figure in ConfusionFigure.allCases {
            let bounds = try #require(
                nonResponseBounds(of: figure, answered: answered, silentCalledTumour: 6, silentCalledNormal: 8))
            var (least, most) = (1.0, 0.0)
            for up in 0...6 {
                for down in 0...8 {
                    var whole = answered
                    whole.truePositives += Double(up)
                    whole.falsePositives += Double(6 - up)
                    whole.falseNegatives += Double(down)
                    whole.trueNegatives += Double(8 - down)
                    let value = try #require(whole.value(of: figure))
                    (least, most) = (min(least, value), max(most, value))
                }
            }
            #expect(abs(bounds.lower - least) < 1e-12 && abs(bounds.upper - most) < 1e-12, "\(figure)")
        }
        let recall = try #require(
            nonResponseBounds(of: .recall, answered: answered, silentCalledTumour: 6, silentCalledNormal: 8))
        #expect(abs(recall.lower - 40.0 / 53) < 1e-12 && abs(recall.upper - 46.0 / 51) < 1e-12)
    }
}

@Suite struct `Labels that come late` {
    @Test func `make a stratum immature under ninety percent response`() {
        #expect(StratumResponse(selected: 10, answered: 9).isMature == true)
        #expect(StratumResponse(selected: 100, answered: 89).isMature == false)
        #expect(StratumResponse(selected: 0, answered: 0).isMature == nil)
        #expect(StratumResponse(selected: 0, answered: 0).rate == nil)
    }

    @Test func `count as long as they were waited for`() {
        let delay = LabelDelay([
            LabelWait(age: 1, isLabelled: true), LabelWait(age: 2, isLabelled: false),
            LabelWait(age: 3, isLabelled: true), LabelWait(age: 4, isLabelled: false),
        ])
        #expect(delay.shareLabelled(byAge: 0.5) == 0)
        #expect(delay.shareLabelled(byAge: 1) == 0.25)
        #expect(delay.shareLabelled(byAge: 3.5) == 0.625)
        #expect(delay.shareLabelled(byAge: 5) == nil)
        #expect(delay.age(ofShare: 0.5) == 3)
        #expect(delay.age(ofShare: 0.9) == nil)
        #expect(delay.isMature(atAge: 3) == false)
        #expect(delay.isMature(atAge: 9) == nil)
        #expect(LabelDelay([]).shareLabelled(byAge: 0) == nil)
    }
}

@Suite struct `An effective size` {
    private func patches(_ weights: [Double]) -> [AuditedPatch] {
        weights.map { AuditedPatch(slide: 1, isTumour: true, isCalledTumour: false, weight: $0) }
    }

    @Test func `is the number where all weigh alike, and little where few decide`() {
        #expect(effectiveSize(of: .recall, patches([7, 7, 7])) == 3)
        #expect(effectiveSize(of: .recall, patches([Double](repeating: 1, count: 9) + [100])) == 109.0 * 109 / 10_009)
        #expect(effectiveSize(of: .recall, patches([])) == 0)
    }

    @Test(arguments: [
        (ConfusionFigure.recall, 1.0), (.specificity, 0), (.precision, 0), (.negativePredictiveValue, 1), (.f1, 1),
        (.accuracy, 1),
    ])
    func `counts what the figure's denominator counts`(figure: ConfusionFigure, size: Double) {
        #expect(effectiveSize(of: figure, patches([4])) == size)
    }
}
