import Foundation
import Monitoring
import Testing

/// Two scores of the same patches, against NumPy and SciPy (Oracle/make_paired.py).
@Suite struct PairedTests {
    private struct Answer: Decodable {
        let seed: Int
        let difference: Double?
        let error: Double?
        let mcnemar: Double
    }

    private static func answers() throws -> [Answer] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Oracle/paired.json")
        return try JSONDecoder().decode([Answer].self, from: Data(contentsOf: file))
    }

    private func patches(_ seed: Int) -> [PairedAreas.Patch] {
        OracleAnswers.patches(seed: seed).map { patch in
            let scaled = 7.3 * patch.score
            return PairedAreas.Patch(
                first: patch.score, second: scaled - scaled.rounded(.down), isTumour: patch.isTumour,
                slide: patch.slide)
        }
    }

    @Test func `the difference of two areas and its error agree with DeLong's definition`() throws {
        var compared = 0
        for answer in try Self.answers() {
            let estimate = PairedAreas.delong(patches(answer.seed)).value
            #expect(agrees(estimate?.difference, answer.difference), "set \(answer.seed)")
            #expect(agrees(estimate?.standardError, answer.error), "set \(answer.seed)")
            compared += estimate == nil ? 0 : 1
        }
        #expect(compared >= 40)
    }

    @Test func `McNemar's test agrees with the binomial test`() throws {
        let answers = try Self.answers()
        #expect(answers.count >= 50 && answers.contains { $0.mcnemar < 0.01 })
        for answer in answers {
            let right = patches(answer.seed).map { patch in
                ((patch.first >= 0.5) == patch.isTumour, (patch.second >= 0.5) == patch.isTumour)
            }
            let p = mcnemarPValue(
                onlyFirst: right.count { $0.0 && !$0.1 }, onlySecond: right.count { !$0.0 && $0.1 })
            #expect(agrees(p, answer.mcnemar, 1e-12), "set \(answer.seed)")
        }
    }

    @Test func `a score does not differ from itself`() {
        let same = patches(0).map {
            PairedAreas.Patch(first: $0.first, second: $0.first, isTumour: $0.isTumour, slide: $0.slide)
        }
        for estimate in [PairedAreas.delong(same), PairedAreas.obuchowski(same)] {
            #expect(estimate.value?.difference == 0 && estimate.value?.pValue == 1)
        }
        #expect(mcnemarPValue(onlyFirst: 0, onlySecond: 0) == 1 && mcnemarPValue(onlyFirst: 4, onlySecond: 4) == 1)
    }

    @Test func `patches that are each a slide of their own give DeLong's error but for its correction`() throws {
        let alone = patches(0).enumerated().map { index, patch in
            PairedAreas.Patch(first: patch.first, second: patch.second, isTumour: patch.isTumour, slide: index)
        }
        let independent = try #require(PairedAreas.delong(alone).value)
        let clustered = try #require(PairedAreas.obuchowski(alone).value)
        #expect(abs(clustered.standardError / independent.standardError - 1) < 1e-9)
        #expect(clustered.slides == alone.count)
    }

    @Test func `a slide copied over and over adds nothing`() throws {
        let some = patches(0)
        let copied = some + some + some
        let once = try #require(PairedAreas.obuchowski(some).value)
        let thrice = try #require(PairedAreas.obuchowski(copied).value)
        #expect(abs(thrice.standardError - once.standardError) < 1e-9)
        #expect(try #require(PairedAreas.delong(copied).value).standardError < once.standardError)
    }

    @Test func `too little says how much there is`() {
        let one = [PairedAreas.Patch(first: 1, second: 0, isTumour: true)]
        #expect(PairedAreas.delong(one) == .notEnoughData(have: 0, need: 2))
        #expect(PairedAreas.obuchowski(one) == .notEnoughData(have: 0, need: 2))
        let fewSlides = patches(0).map {
            PairedAreas.Patch(first: $0.first, second: $0.second, isTumour: $0.isTumour, slide: $0.slide % 3)
        }
        #expect(PairedAreas.obuchowski(fewSlides) == .notEnoughData(have: 3, need: 10))
    }
}
