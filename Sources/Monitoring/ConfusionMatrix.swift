/// Weighted counts of patches by label and call; tumour is the positive class.
public struct ConfusionMatrix: Sendable, Equatable, Codable {
    public var truePositives: Double
    public var falsePositives: Double
    public var falseNegatives: Double
    public var trueNegatives: Double

    public init(
        truePositives: Double = 0, falsePositives: Double = 0, falseNegatives: Double = 0, trueNegatives: Double = 0
    ) {
        self.truePositives = truePositives
        self.falsePositives = falsePositives
        self.falseNegatives = falseNegatives
        self.trueNegatives = trueNegatives
    }

    /// Counts a patch with its weight, 1 for a plain count.
    public mutating func add(isTumour: Bool, isCalledTumour: Bool, weight: Double = 1) {
        switch (isTumour, isCalledTumour) {
        case (true, true): truePositives += weight
        case (false, true): falsePositives += weight
        case (true, false): falseNegatives += weight
        case (false, false): trueNegatives += weight
        }
    }

    public static func + (a: ConfusionMatrix, b: ConfusionMatrix) -> ConfusionMatrix {
        ConfusionMatrix(cells: a.cells + b.cells)
    }

    public static func += (a: inout ConfusionMatrix, b: ConfusionMatrix) { a = a + b }

    public var total: Double { cells.sum() }

    /// The figure's value, 0...1; nil where a denominator is 0.
    public func value(of figure: ConfusionFigure) -> Double? { figure.ratios.value(at: cells) }

    public var precision: Double? { value(of: .precision) }
    public var recall: Double? { value(of: .recall) }
    public var specificity: Double? { value(of: .specificity) }
    public var negativePredictiveValue: Double? { value(of: .negativePredictiveValue) }
    public var f1: Double? { value(of: .f1) }
    public var accuracy: Double? { value(of: .accuracy) }
    public var balancedAccuracy: Double? { value(of: .balancedAccuracy) }
    public var prevalence: Double? { value(of: .prevalence) }
    public var decisionRate: Double? { value(of: .decisionRate) }
}

extension ConfusionMatrix {
    /// True positives, false positives, false negatives, true negatives.
    var cells: SIMD4<Double> { SIMD4(truePositives, falsePositives, falseNegatives, trueNegatives) }

    init(cells: SIMD4<Double>) {
        self.init(
            truePositives: cells[0], falsePositives: cells[1], falseNegatives: cells[2], trueNegatives: cells[3])
    }
}

/// A figure of the confusion matrix.
public enum ConfusionFigure: String, Sendable, CaseIterable, Codable {
    case precision, recall, specificity, negativePredictiveValue, f1, accuracy, balancedAccuracy
    /// Share of patches that are tumour.
    case prevalence
    /// Share of patches that are called tumour.
    case decisionRate

    /// Every figure is the mean of one or two ratios of sums of cells.
    var ratios: [CellRatio] {
        switch self {
        case .precision: [CellRatio([1, 0, 0, 0], over: [1, 1, 0, 0])]
        case .recall: [CellRatio([1, 0, 0, 0], over: [1, 0, 1, 0])]
        case .specificity: [CellRatio([0, 0, 0, 1], over: [0, 1, 0, 1])]
        case .negativePredictiveValue: [CellRatio([0, 0, 0, 1], over: [0, 0, 1, 1])]
        case .f1: [CellRatio([2, 0, 0, 0], over: [2, 1, 1, 0])]
        case .accuracy: [CellRatio([1, 0, 0, 1], over: [1, 1, 1, 1])]
        case .balancedAccuracy: ConfusionFigure.recall.ratios + ConfusionFigure.specificity.ratios
        case .prevalence: [CellRatio([1, 0, 1, 0], over: [1, 1, 1, 1])]
        case .decisionRate: [CellRatio([1, 1, 0, 0], over: [1, 1, 1, 1])]
        }
    }
}

/// One of the four counts.
public enum ConfusionCell: Int, Sendable, CaseIterable {
    case truePositives, falsePositives, falseNegatives, trueNegatives

    public func count(in matrix: ConfusionMatrix) -> Double { matrix.cells[rawValue] }

    /// Its share of all patches.
    var share: CellRatio {
        var one = SIMD4<Double>.zero
        one[rawValue] = 1
        return CellRatio(one, over: SIMD4(repeating: 1))
    }
}

/// The mean of ratios.
extension [CellRatio] {
    /// Nil where a denominator is 0.
    func value(at cells: SIMD4<Double>) -> Double? {
        var sum = 0.0
        for ratio in self {
            guard let value = ratio.value(cells) else { return nil }
            sum += value
        }
        return sum / Double(count)
    }

    /// Partial derivatives by the four cells at these cells; nil where a denominator is 0.
    func gradient(at cells: SIMD4<Double>) -> SIMD4<Double>? {
        var sum = SIMD4<Double>.zero
        for ratio in self {
            guard let value = ratio.value(cells) else { return nil }
            sum += (ratio.numerator - value * ratio.denominator) / (ratio.denominator * cells).sum()
        }
        return sum / Double(count)
    }
}

/// A ratio of two weighted sums of the cells of a confusion matrix.
struct CellRatio {
    let numerator: SIMD4<Double>
    let denominator: SIMD4<Double>

    init(_ numerator: SIMD4<Double>, over denominator: SIMD4<Double>) {
        self.numerator = numerator
        self.denominator = denominator
    }

    func value(_ cells: SIMD4<Double>) -> Double? {
        let below = (denominator * cells).sum()
        let value = (numerator * cells).sum() / below
        return below > 0 && value.isFinite ? value : nil
    }
}
