extension ConfusionFigure {
    /// Whether the figure's denominator counts a patch: recall counts tumours, precision what was called tumour.
    func counts(_ patch: AuditedPatch) -> Bool {
        switch self {
        case .recall: patch.isTumour
        case .specificity: !patch.isTumour
        case .precision: patch.isCalledTumour
        case .negativePredictiveValue: !patch.isCalledTumour
        case .f1: patch.isTumour || patch.isCalledTumour
        case .accuracy, .balancedAccuracy, .prevalence, .decisionRate: true
        }
    }
}

/// As many patches of equal weight as would tell as much of a figure: `(sum w)^2 / sum w^2` (Kish 1965) over those that
/// its denominator counts. 0 where there is none.
public func effectiveSize(of figure: ConfusionFigure, _ patches: some Sequence<AuditedPatch>) -> Double {
    var (sum, squares) = (0.0, 0.0)
    for patch in patches where figure.counts(patch) {
        sum += patch.weight
        squares += patch.weight * patch.weight
    }
    return squares > 0 ? sum * sum / squares : 0
}
