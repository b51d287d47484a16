import Foundation
import Monitoring
import Testing

/// Answers of SciPy, scikit-learn, statsmodels and NannyML, which Oracle/make_answers.py wrote.
struct OracleAnswers: Decodable {
    struct Distributions: Decodable {
        let normal: [[Double]]
        let normalQuantile: [[Double]]
        let student: [[Double]]
        let beta: [[Double]]
    }

    struct Ranking: Decodable {
        let area: Double?
        let weightedArea: Double?
        let rocSums: [Double]?
        let delong: Double?
        let averagePrecision: Double?
        let weightedAveragePrecision: Double?
        let precisionRecallSums: [Double]?
    }

    struct Calibration: Decodable {
        let brier: Double?
        let logLoss: Double?
        let equalWidth: [[Double]]?
        let equalMass: [[Double]]?
        let equalWidthErrors: [Double]?
        let equalMassErrors: [Double]?
        let line: [Double]?
    }

    struct Estimation: Decodable {
        let figures: [String: Double?]?
        let errors: [String: Double?]?
    }

    struct Answers: Decodable {
        let count: Int
        let sum: Double
        let plain: [String: Double?]
        let weighted: [String: Double?]
        let ranking: Ranking
        let clustered: [String: Double?]
        let calibration: Calibration
        let drift: [String: Double]
        let discrepancy: [Double]
        let estimation: Estimation
        let delay: [[Double?]]
    }

    let distributions: Distributions
    let wilson: [[Double]]
    let runLengths: [[Double]]
    let power: [[Double]]
    let sets: [Answers]

    static let all: Result<OracleAnswers, any Error> = Result {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Oracle/answers.json")
        return try JSONDecoder().decode(OracleAnswers.self, from: Data(contentsOf: file))
    }

    /// The answers to each data set, with its patches.
    static func sets() throws -> [(seed: Int, patches: [LabelledScore], answers: Answers)] {
        try all.get().sets.enumerated().map { ($0, OracleAnswers.patches(seed: $0), $1) }
    }

    /// The data set of a seed; the same draws in the same order as `data_set` of make_answers.py.
    static func patches(seed: Int) -> [LabelledScore] {
        let kinds = [
            "plain", "ties", "constant", "tumours", "normals", "five", "empty", "extremes", "separated", "one slide",
        ]
        let kind = kinds[seed % kinds.count]
        var random = SplitMix64(seed: UInt64(seed))
        let drawn = 40 + random.index(below: 160)
        let count = kind == "five" ? 5 : kind == "empty" ? 0 : drawn
        return (0..<count).map { _ in
            let u = random.uniform()
            let score: Double =
                switch kind {
                case "ties": (u * 8).rounded(.down) / 8
                case "constant": 0.3125
                case "extremes": u < 0.1 ? 0 : u > 0.9 ? 1 : u
                default: u
                }
            let v = random.uniform()
            let isTumour =
                switch kind {
                case "tumours": true
                case "normals": false
                case "separated": score > 0.625
                default: v < 0.125 + 0.75 * score
                }
            let weight = 0.5 + 4 * random.uniform()
            let slide = random.index(below: 14)
            return LabelledScore(
                score: score, isTumour: isTumour, weight: weight, slide: kind == "one slide" ? 0 : slide)
        }
    }
}

/// Whether the two agree to a relative difference of the tolerance; both undefined agree too. Near 0 an absolute
/// difference of a ten-thousandth of the tolerance passes: differences of equal sums are noise there.
func agrees(_ value: Double?, _ answer: Double?, _ tolerance: Double = 1e-9) -> Bool {
    guard let value, let answer else { return value == nil && answer == nil }
    return abs(value - answer) <= tolerance * abs(answer) + tolerance * 1e-4
}
