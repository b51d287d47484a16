import Foundation
import Monitoring
import PatchClassifier
import Testing

@testable import Evaluation

/// What happens to a laboratory.
enum SimulatedChange: String, CaseIterable {
    case none, recallDrop, stainShift, moreTumors

    /// What its alert is to point to first.
    var cause: AlertCause? {
        switch self {
        case .none: nil
        case .recallDrop: .errors
        case .stainShift: .inputs
        case .moreTumors: .scores
        }
    }
}

/// Made-up slides: each with a share of tumour, a stain, a sharpness and a level of its scores of its own.
enum SimulatedSlides {
    /// Recall is 0.95, and 0.9 after it dropped; specificity is 0.97. A quarter of the patches are tumour, and 40 % once
    /// there are more.
    static func work(_ change: SimulatedChange, sites: [String] = [""], slidesPerSite: Int = 12, patches: Int = 20)
        -> SimulatedWork
    {
        SimulatedWork(sites: sites, slidesPerSite: slidesPerSite) { _, isChanged, random in
            let now = isChanged ? change : .none
            let hasTumor = random.uniform() < (now == .moreTumors ? 0.72 : 0.45)
            let share = hasTumor ? 0.1 + 0.9 * random.uniform() : 0
            let stain = 0.03 * normal(&random) + (now == .stainShift ? 0.06 : 0)
            let (level, sharpness) = (0.4 * normal(&random), 100 + 15 * normal(&random))
            return (0..<patches).map { _ in
                let isTumor = random.uniform() < share
                let isHidden = isTumor && now == .recallDrop && random.uniform() < 0.054
                let score = logistic((isTumor && !isHidden ? 2.2 : -2.5) + level + 1.25 * normal(&random))
                return SimulatedPatch(
                    figures: figures(score, stain: stain, sharpness: sharpness, &random), isTumor: isTumor)
            }
        }
    }

    private static func figures(_ score: Double, stain: Double, sharpness: Double, _ random: inout SplitMix64)
        -> [Float]
    {
        MonitoredStatistic.allCases.map { statistic in
            let spread = normal(&random)
            let value =
                switch statistic {
                case .score: score
                case .odMeanRed, .odMeanBlue: 0.25 + stain + 0.05 * spread
                case .odMeanGreen: 0.5 + stain + 0.08 * spread
                case .odDeviationRed, .odDeviationGreen, .odDeviationBlue: 0.13 + 0.02 * spread
                case .saturation: 0.35 + stain + 0.05 * spread
                case .brightness: 0.7 - stain + 0.05 * spread
                case .focus: sharpness * (1 + 0.2 * spread)
                case .tissueShare: 0.85 + 0.05 * spread
                case .hematoxylinRed: 0.6 + stain + 0.05 * spread
                case .hematoxylinGreen: 0.7 + 0.05 * spread
                case .eosinRed: 0.2 + stain + 0.05 * spread
                case .eosinGreen: 0.9 + 0.03 * spread
                }
            return Float(value)
        }
    }

    private static func normal(_ random: inout SplitMix64) -> Double {
        NormalDistribution.quantile(random.uniform() + 0x1p-54) ?? 0
    }
}

/// Real patches as slides, classified with the shipped weights: those of one site become JPEG-compressed ones of another
/// pipeline where they are normal.
struct RealSlides {
    private let normals: [SimulatedPatch]
    private let tumors: [SimulatedPatch]
    private let compressed: [SimulatedPatch]

    static let folder = RealPatches.folder.appending(path: "../jpeg_negatives").standardized
    static let areHere = RealPatches.areHere && FileManager.default.fileExists(atPath: folder.path)

    init() throws {
        let weights = try Weights.read(
            path: Stack.packageRoot.appending(path: "models/sentinode-baseline-1.safetensors").path)
        let classifier = Classifier(try Network(weights))
        let table = RealPatches.folder.appending(path: "../test.csv").standardized
        let tumors = Set(
            try String(contentsOf: table, encoding: .utf8).split(whereSeparator: \.isNewline).filter {
                $0.hasSuffix(",1")
            }.map { String($0.prefix { $0 != "," }) })
        func read(_ folder: URL, _ choose: (String) -> Bool) throws -> [SimulatedPatch] {
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
                $0.hasSuffix(".png") && choose(String($0.dropLast(4)))
            }.sorted()
            let patches = try files.map { file in
                try Patch(png: Array(Data(contentsOf: folder.appending(path: file))), width: 96, height: 96)
            }
            let scores = try stride(from: 0, to: patches.count, by: 64).flatMap {
                try classifier.classify(Array(patches[$0..<min(patches.count, $0 + 64)]))
            }
            return zip(zip(files, patches), scores).map { patch, score in
                SimulatedPatch(
                    figures: MonitoredStatistic.figures(ImageStatistics(patch.1), pTumor: score.pTumor),
                    isTumor: tumors.contains(String(patch.0.dropLast(4))))
            }
        }
        normals = try read(RealPatches.folder) { !tumors.contains($0) }
        self.tumors = try read(RealPatches.folder) { tumors.contains($0) }
        compressed = try read(RealSlides.folder) { _ in true }
    }

    /// Two sites of twelve slides a day each, of which `north` compresses from the change on.
    var work: SimulatedWork {
        SimulatedWork(sites: ["north", "south"]) { site, isChanged, random in
            let share = random.uniform() < 0.45 ? 0.1 + 0.9 * random.uniform() : 0
            return (0..<20).map { _ in
                let others = isChanged && site == "north" ? compressed : normals
                let source = random.uniform() < share ? tumors : others
                return source[random.index(below: source.count)]
            }
        }
    }
}

extension Trait where Self == ConditionTrait {
    static var needsCompressedPatches: Self {
        .enabled(
            if: RealSlides.areHere, "../shared/pcam/test and ../shared/pcam/jpeg_negatives are not beside the checkout")
    }
}
