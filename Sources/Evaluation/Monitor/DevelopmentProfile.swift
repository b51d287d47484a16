import Database
import Foundation
import Monitoring
public import PatchClassifier

/// Counts of the patches that a version was developed on. Local patches are shown beside them while no acceptance reference
/// is frozen; nothing alarms on them, for what another laboratory saw is no limit here.
public struct DevelopmentProfile: Sendable, Equatable {
    /// Which patches, in a few words.
    public let description: String
    private(set) var sample: DriftSample

    /// Bytes of its JSON.
    static let longest = 65_536
    private static let longestDescription = 500

    /// With no patch yet.
    public init(of description: String) throws(OperationError) {
        guard (1...DevelopmentProfile.longestDescription).contains(description.utf8.count) else {
            throw OperationError(
                "say in 1 to \(DevelopmentProfile.longestDescription) bytes which patches the profile is of")
        }
        self.description = description
        sample = .empty
    }

    private init(description: String, sample: DriftSample) {
        (self.description, self.sample) = (description, sample)
    }

    public var patches: Int { Int(sample.patches) }

    public mutating func add(_ patch: Patch, pTumor: Float, isCalledTumor: Bool) {
        sample.add(
            ReferencePatch(
                slide: 0, origin: Origin(site: "", scanner: "", stain: ""), isCalledTumor: isCalledTumor,
                figures: MonitoredStatistic.figures(ImageStatistics(patch), pTumor: pTumor)))
    }
}

extension DevelopmentProfile {
    /// As it is kept in files and stored with a version.
    private struct Stored: Codable {
        struct Counts: Codable {
            let edges: [Double]
            /// Below the first edge, in the bins, above the last edge.
            let counts: [Int]
        }

        let description: String
        let patches: Int
        let called_tumor: Int
        let histograms: [String: Counts]
    }

    /// - Throws: `OperationError` that says what is wrong with it.
    public init(json: String) throws(OperationError) {
        guard json.utf8.count <= DevelopmentProfile.longest else {
            throw OperationError("a development profile has at most \(DevelopmentProfile.longest) bytes")
        }
        let stored: Stored
        do {
            stored = try JSONDecoder().decode(Stored.self, from: Data(json.utf8))
        } catch {
            throw OperationError("this is no development profile: `sentinode model profile` makes one")
        }
        try self.init(of: stored.description)
        var histograms: [FixedHistogram] = []
        for statistic in MonitoredStatistic.allCases {
            guard let own = stored.histograms[statistic.metric], own.edges == statistic.edges,
                own.counts.count == statistic.edges.count + 1, own.counts.allSatisfy({ (0...1 << 30).contains($0) })
            else {
                throw OperationError(
                    "its histogram of \(statistic.metric) is missing or has other bins than this program: make the "
                        + "development profile anew with `sentinode model profile`")
            }
            histograms.append(FixedHistogram(edges: statistic.edges, allCounts: own.counts))
        }
        guard (1...1 << 30).contains(stored.patches), (0...stored.patches).contains(stored.called_tumor) else {
            throw OperationError("its numbers of patches cannot be: make the development profile anew")
        }
        self.init(
            description: stored.description,
            sample: DriftSample(
                histograms: histograms, calledTumor: Double(stored.called_tumor), patches: Double(stored.patches)))
    }

    public var json: String {
        JSONText.object([
            ("description", .string(description)), ("patches", .integer(Int64(patches))),
            ("called_tumor", .integer(Int64(sample.calledTumor))),
            (
                "histograms",
                .object(
                    zip(MonitoredStatistic.allCases, sample.histograms).map { statistic, histogram in
                        (
                            statistic.metric,
                            .object([
                                ("edges", .array(statistic.edges.map { .double($0) })),
                                ("counts", .array(histogram.allCounts.map { .integer(Int64($0)) })),
                            ])
                        )
                    })
            ),
        ]).text
    }
}

extension DevelopmentProfile {
    /// A stored one, which a program with other bins cannot read.
    static func read(_ json: String) -> Result<DevelopmentProfile, OperationError> {
        do throws(OperationError) { return .success(try DevelopmentProfile(json: json)) } catch {
            return .failure(error)
        }
    }

    /// By the versions that declare one.
    static func all(_ connection: DatabaseConnection) throws -> [String: Result<DevelopmentProfile, OperationError>] {
        let rows = try connection.query(
            "select name, development_profile from sentinode.model_versions where development_profile is not null")
        return Dictionary(
            uniqueKeysWithValues: try rows.map {
                (try $0.text("name"), DevelopmentProfile.read(try $0.text("development_profile")))
            })
    }
}

extension MonitoredStatistic {
    /// Of a patch, in the order of the cases; not a number where it has none.
    static func figures(_ statistics: ImageStatistics, pTumor: Float) -> [Float] {
        allCases.map { statistic in
            switch statistic {
            case .score: pTumor
            case .odMeanRed: statistics.opticalDensityMeanRed
            case .odMeanGreen: statistics.opticalDensityMeanGreen
            case .odMeanBlue: statistics.opticalDensityMeanBlue
            case .odDeviationRed: statistics.opticalDensityDeviationRed
            case .odDeviationGreen: statistics.opticalDensityDeviationGreen
            case .odDeviationBlue: statistics.opticalDensityDeviationBlue
            case .saturation: statistics.saturation
            case .brightness: statistics.brightness
            case .focus: statistics.focus
            case .tissueShare: statistics.tissueShare
            case .hematoxylinRed: statistics.stains?.hematoxylinRed ?? .nan
            case .hematoxylinGreen: statistics.stains?.hematoxylinGreen ?? .nan
            case .eosinRed: statistics.stains?.eosinRed ?? .nan
            case .eosinGreen: statistics.stains?.eosinGreen ?? .nan
            }
        }
    }
}
