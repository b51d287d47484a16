import ArgumentParser
import Evaluation
import PatchClassifier

/// What a version decides by: flags, then the `.version.json` beside its weights, then a threshold of 0.5.
struct DecisionOptions: ParsableArguments {
    @Option(
        help: """
            tumor when p_tumor is at least this (default: as in NAME.version.json beside the weights, else 0.5). One that is \
            named leaves the declared band behind: name --uncertain too, or there is none.
            """)
    var threshold: Float?
    @Option(help: "LOW,HIGH: from LOW on and below HIGH the decision is uncertain, and a person must look.")
    var uncertain: UncertainBand?
    @Option(help: "Divide log-odds by this before they become p_tumor.")
    var temperature: Float?
    @Flag(help: "Show each patch in the eight symmetries of the square, and take the mean of the log-odds.")
    var tta = false

    /// What is declared beside the weights, as the flags change it.
    ///
    /// - Throws: `OperationError` where other scores would meet a threshold that was chosen for those declared.
    func declaration(beside weights: String) throws -> VersionDeclaration {
        if temperature != nil || tta, threshold == nil, try VersionDeclaration.read(beside: weights) != nil {
            throw OperationError(
                "\(VersionDeclaration.path(beside: weights)) declares a threshold for other scores: name a --threshold too, or "
                    + "choose one with `sentinode evaluate --target-recall`")
        }
        return try changing(
            VersionDeclaration.read(beside: weights) ?? VersionDeclaration(DecisionRule(OperatingPoint(threshold: 0.5)))
        )
    }

    func changing(_ declaration: VersionDeclaration) throws -> VersionDeclaration {
        var declaration = declaration
        let declared = declaration.rule.operatingPoint
        // A band was declared for its own threshold: another threshold stands alone.
        let band = uncertain?.range ?? (threshold == nil ? declared.uncertain : nil)
        let point = OperatingPoint(threshold: threshold ?? declared.threshold, uncertain: band)
        if let band, !DecisionOptions.encloses(band, point.threshold) {
            throw OperationError("the uncertain band encloses the threshold: LOW <= \(point.threshold) <= HIGH")
        }
        declaration.rule.operatingPoint = point
        declaration.rule.temperature = temperature ?? declaration.rule.temperature
        if tta { declaration.rule.augmentation = .dihedral }
        if threshold != nil || uncertain != nil || temperature != nil || tta { declaration.chosen = nil }
        return declaration
    }

    func validate() throws {
        if let threshold, !(threshold > 0 && threshold < 1) {
            throw ValidationError("--threshold lies between 0 and 1")
        }
        if let threshold, let uncertain, !DecisionOptions.encloses(uncertain.range, threshold) {
            throw ValidationError("the uncertain band encloses the threshold: LOW <= \(threshold) <= HIGH")
        }
        if let temperature, !(temperature >= 0.01 && temperature <= 100) {
            throw ValidationError("--temperature is 0.01 to 100")
        }
    }

    private static func encloses(_ band: Range<Float>, _ threshold: Float) -> Bool {
        band.lowerBound <= threshold && threshold <= band.upperBound
    }
}

/// LOW,HIGH with 0 <= LOW < HIGH <= 1.
struct UncertainBand: ExpressibleByArgument {
    let range: Range<Float>

    init?(argument: String) {
        let parts = argument.split(separator: ",").compactMap { Float($0) }
        guard parts.count == 2, argument.split(separator: ",").count == 2, parts[0] >= 0, parts[0] < parts[1],
            parts[1] <= 1
        else { return nil }
        range = parts[0]..<parts[1]
    }
}
