import Database
import PatchClassifier

/// A patch, and what a version said of it when it was imported.
struct GoldenPatch {
    let png: [UInt8]
    let patch: Patch
    let answer: LogProbabilities

    /// Made-up tissue, with and without tumour.
    private static let count = 4

    /// For a version that is being imported. Other sizes than that of made-up tissue get noise.
    static func made(for network: Network, _ rule: DecisionRule) throws -> [GoldenPatch] {
        let side = network.architecture.side
        let patches =
            if side == PatchSynthesizer.side {
                (0..<count).map { PatchSynthesizer(seed: 1).patch(number: $0, tumor: $0 % 2 == 1) }
            } else {
                [WarmUp.ramp(side: side)]
            }
        let answers = try Classifier(network, augmentation: rule.augmentation).classify(patches)
        return try zip(patches, answers).map { GoldenPatch(png: try $0.pngEncoded(), patch: $0, answer: $1) }
    }

    /// Those stored with a version; one imported before there were any has none.
    static func stored(_ version: String, side: Int, _ connection: DatabaseConnection) throws -> [GoldenPatch] {
        try connection.query(
            "select png, log_p_normal, log_p_tumor from sentinode.golden_patches where model_version = $1 order by number",
            [.text(version)]
        ).map { row in
            let png = try row.bytes("png")
            return GoldenPatch(
                png: png, patch: try Patch(png: png, width: side, height: side),
                answer: LogProbabilities(normal: try row.float4("log_p_normal"), tumor: try row.float4("log_p_tumor")))
        }
    }
}

/// Proof that a network answers, that it answers alike with every kernel this CPU has, and as it did when it was
/// imported, before it decides anything.
enum WarmUp {
    static func check(
        _ network: Network, _ augmentation: TestTimeAugmentation, _ golden: [GoldenPatch]
    ) throws {
        let ramp = ramp(side: network.architecture.side)
        let answers = try Kernel.allCases.filter(\.isSupported).map { kernel in
            try Classifier(network, kernel: kernel, capacity: 1, augmentation: augmentation)
                .classify([ramp] + golden.map(\.patch))
        }
        guard let first = answers.first, answers.allSatisfy({ $0 == first }) else {
            throw VersionError(
                description: "the kernels of this CPU disagree on a warm-up patch: nothing is decided here")
        }
        guard Array(first.dropFirst()) == golden.map(\.answer) else {
            throw VersionError(
                description:
                    "a patch that was stored with the version is answered otherwise here than when it was imported: "
                    + "nothing is decided with it")
        }
    }

    /// Whether a network's arithmetic gives the patches a probability of tumour within 1e-4 of what convolutions
    /// computed by their definition give. Rounding grows with the weights, and any may be imported.
    static func agrees(_ golden: [GoldenPatch], with direct: Network, _ rule: DecisionRule) throws -> Bool {
        let answers = try Classifier(direct, augmentation: rule.augmentation).classify(golden.map(\.patch))
        return zip(golden, answers).allSatisfy { patch, answer in
            abs(rule.pTumor(patch.answer) - rule.pTumor(answer)) <= 1e-4
        }
    }

    static func ramp(side: Int) -> Patch {
        Patch(width: side, height: side, rgb: (0..<side * side * 3).map { UInt8(truncatingIfNeeded: $0 * 7 % 256) })
    }
}
