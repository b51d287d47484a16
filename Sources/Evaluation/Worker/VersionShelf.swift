import AuditTrail
import Database
import PatchClassifier
import Synchronization

/// A model version, read from the database and ready to decide with.
struct LoadedVersion: Sendable {
    let name: String
    let rule: DecisionRule
    let scope: DeclaredScope
    let network: Network

    /// More patches at a time would take more memory and no less time.
    func classifier() -> Classifier { Classifier(network, capacity: 16, augmentation: rule.augmentation) }
}

/// Why a version cannot decide. Not the fault of any message: nothing is consumed until it is mended.
public struct VersionError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// The versions that a process has loaded, shared by its lanes.
final class VersionShelf: Sendable {
    private let loaded = Mutex<[String: LoadedVersion]>([:])

    /// The version by its name; loads and checks it the first time.
    func version(named name: String, from connection: DatabaseConnection) throws -> LoadedVersion {
        if let version = loaded.withLock({ $0[name] }) { return version }
        let version = try VersionShelf.load(name, from: connection)
        loaded.withLock { $0[name] = version }
        return version
    }

    private static let selectSQL: SQL = """
        select version.preprocessing, version.arithmetic, version.threshold, version.uncertain_low,
            version.uncertain_high, version.temperature, version.test_time_augmentation, version.mpp_low,
            version.mpp_high, version.stains, version.weights_sha256, model.weights
        from sentinode.model_versions as version
        join sentinode.models as model using (weights_sha256)
        where version.name = $1
        """

    private static func load(_ name: String, from connection: DatabaseConnection) throws -> LoadedVersion {
        guard let row = try connection.query(selectSQL, [.text(name)]).first else {
            throw VersionError(description: "there is no model version \(name): see `sentinode model list`")
        }
        let arithmeticName = try row.text("arithmetic")
        let preprocessing = try row.text("preprocessing")
        let known = [ModelVersionRow.preprocessing, ModelVersionRow.preprocessingAndRule]
        guard let arithmetic = Arithmetic(rawValue: arithmeticName), known.contains(preprocessing) else {
            let arithmetics = Arithmetic.allCases.map(\.rawValue).joined(separator: ", ")
            throw VersionError(
                description: "model version \(name) needs \(arithmeticName) and \(preprocessing), and this program has "
                    + "\(arithmetics) and \(known.joined(separator: ", ")): run a newer sentinode")
        }
        // What a version declared before its scope decided anything is for the monitor alone.
        let scope = preprocessing == ModelVersionRow.preprocessing ? DeclaredScope() : try DeclaredScope(row)
        let weights = try Weights(contentsOf: try row.bytes("weights"))
        guard try Hash.sha256(weights.canonicalBytes) == (try row.bytes("weights_sha256")) else {
            throw VersionError(
                description: "the stored weights of model version \(name) are not those that were imported: "
                    + "their digest differs, so nothing is decided with them")
        }
        let version = LoadedVersion(
            name: name, rule: try DecisionRule(row), scope: scope, network: try Network(weights, arithmetic: arithmetic)
        )
        let side = version.network.architecture.side
        try WarmUp.check(
            version.network, version.rule.augmentation, GoldenPatch.stored(name, side: side, connection))
        return version
    }
}
