/// A score with its label; tumour is the positive class. Patches whose score is no number or whose weight is not positive
/// and finite are left out by every function.
public struct LabelledScore: Sendable, Equatable {
    /// Higher means more likely tumour. Calibration functions need a probability, 0...1.
    public var score: Double
    public var isTumour: Bool
    /// Patches it stands for.
    public var weight: Double
    /// Cluster, for the functions that ask for clusters.
    public var slide: Int

    public init(score: Double, isTumour: Bool, weight: Double = 1, slide: Int = 0) {
        self.score = score
        self.isTumour = isTumour
        self.weight = weight
        self.slide = slide
    }
}

extension Sequence<LabelledScore> {
    /// Those that have a score and a weight.
    var usable: [LabelledScore] { filter { !$0.score.isNaN && $0.weight > 0 && $0.weight.isFinite } }
}

/// Weights of tumours and normals at and above one score.
struct ScoreStep {
    let score: Double
    var tumour: Double
    var normal: Double
}

/// Cumulated weights from the highest score down, one step for each distinct score: ties are taken together.
func scoreSteps(_ patches: [LabelledScore]) -> [ScoreStep] {
    var steps: [ScoreStep] = []
    var tumour = 0.0
    var normal = 0.0
    for patch in patches.usable.sorted(by: { $0.score > $1.score }) {
        if patch.isTumour { tumour += patch.weight } else { normal += patch.weight }
        let step = ScoreStep(score: patch.score, tumour: tumour, normal: normal)
        if steps.last?.score == patch.score { steps[steps.count - 1] = step } else { steps.append(step) }
    }
    return steps
}
