import Monitoring

/// Patches that nobody could judge well, and those that the version was not made for.
enum InputQuality: String, CaseIterable {
    case white, inked, blurred
    case outsideScope = "outside_scope"
    case unknownScope = "unknown_scope"

    static let method = "share of patches"

    /// Its share of a window's patches, or of those of versions that declare what they were made for.
    func measurement(_ subject: Subject, _ profile: PredictionProfile) -> Measurement {
        let (count, patches) = counts(profile)
        guard patches > 0 else {
            return Measurement(
                subject: subject, metric: rawValue, method: InputQuality.method, state: .notEstimable,
                note: "the version does not declare what it was made for")
        }
        return Measurement(
            subject: subject, metric: rawValue, method: InputQuality.method, value: Double(count) / Double(patches),
            interval: wilsonInterval(successes: Double(count), trials: Double(patches)), patches: patches,
            state: .shown, note: meaning)
    }

    private func counts(_ profile: PredictionProfile) -> (count: Int64, patches: Int64) {
        switch self {
        case .white: (profile.white, profile.predictions)
        case .inked: (profile.inked, profile.predictions)
        case .blurred: (profile.blurred, profile.predictions)
        case .outsideScope: (profile.outsideScope, profile.declaredScope)
        case .unknownScope: (profile.unknownScope, profile.declaredScope)
        }
    }

    private var meaning: String {
        switch self {
        case .white: "hardly any tissue (a share under \(PredictionProfile.whiteBelow))"
        case .inked: "covered by a marker's ink, by its mean optical densities"
        case .blurred: "variance of the Laplacian under \(PredictionProfile.blurredBelow)"
        case .outsideScope: "of a resolution (mpp) or stain that the version was not made for"
        case .unknownScope: "sent without the resolution (mpp) or stain that would tell"
        }
    }
}
