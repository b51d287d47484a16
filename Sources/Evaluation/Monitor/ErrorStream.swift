import Monitoring

/// Calls that labels show to be wrong, of the patches of one truth: their share does not move with the share of tumours.
enum ErrorStream: String, CaseIterable {
    case missedTumors = "missed_tumors"
    case falseAlarms = "false_alarms"

    /// The share of the others.
    var right: ConfusionFigure { self == .missedTumors ? .recall : .specificity }

    /// Whether a patch was drawn by the audit and is of this truth.
    func counts(_ patch: LabelledPatch) -> Bool {
        guard !patch.isVoluntary, patch.stratum != nil else { return false }
        switch patch.answer {
        case .tumor: return self == .missedTumors
        case .normal: return self == .falseAlarms
        case .unassessable: return false
        }
    }

    func isWrong(_ patch: LabelledPatch) -> Bool { patch.isCalledTumor == (self == .falseAlarms) }
}
