import Database
import Foundation
public import PatchClassifier

/// A file that holds a version's weights for other programs.
public enum WeightsFileKind: String, Sendable, CaseIterable {
    case safetensors
    /// A state_dict that `torch.load` reads.
    case pytorch
    /// Weights and network; how the version decides is in its metadata.
    case onnx
}

extension ModelRegistry {
    /// Weights, or all of the network, as a file's bytes.
    public func export(_ name: String, as kind: WeightsFileKind) throws -> [UInt8] {
        let version = try version(named: name)
        let weights = try weights(of: name)
        return switch kind {
        case .safetensors: weights.safetensors()
        case .pytorch: weights.pyTorchStateDict()
        case .onnx: try Network.onnx(weights, notes: version.notes)
        }
    }

    /// - Throws: `OperationError` for a name that no version has.
    public func weights(of name: String) throws -> Weights {
        _ = try version(named: name)
        let row = try ledger.connection.query(
            """
            select model.weights from sentinode.models as model join sentinode.model_versions using (weights_sha256)
            where name = $1
            """, [.text(name)]
        ).onlyRow()
        return try Weights(contentsOf: row.bytes("weights"))
    }

    /// What sets two versions apart, a line each: nothing for versions that decide alike and declare the same.
    public func differences(_ first: String, _ second: String) throws -> [(what: String, first: String, second: String)]
    {
        let (one, other) = (try version(named: first), try version(named: second))
        var all = zip(one.traits, other.traits).map { (what: $0.name, first: $0.value, second: $1.value) }
        if one.weightsSHA256 != other.weightsSHA256 {
            all.append(("weights", String(one.weightsSHA256.prefix(12)), String(other.weightsSHA256.prefix(12))))
            let (left, right) = (try weights(of: first).tensors, try weights(of: second).tensors)
            for (a, b) in zip(left, right) where a.name == b.name && a.shape == b.shape {
                let pairs = zip(a.values, b.values).map { (Double($0), Double($1)) }
                let size = pairs.reduce(0) { $0 + $1.0 * $1.0 }.squareRoot()
                let change = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
                all.append(
                    (a.name, "", change == 0 ? "" : String(format: "changed by %.3g of its length", change / size)))
            }
        }
        return all.filter { $0.first != $0.second }
    }
}

extension ModelVersionSummary {
    /// What it decides by and was made for, in words.
    public var traits: [(name: String, value: String)] {
        let point = rule.operatingPoint
        let resolutions = scope.mpp.map { ["\($0.lowerBound) to \($0.upperBound) micrometres a pixel"] } ?? []
        let made = resolutions + scope.stains.sorted()
        let asked =
            switch rule.augmentation {
            case .none: "once"
            case .dihedral: "in the eight symmetries of the square, mean of the log-odds"
            }
        return [
            ("threshold", "\(point.threshold)"),
            ("uncertain band", point.uncertain.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "none"),
            ("temperature", rule.temperature.map { "\($0)" } ?? "not calibrated"),
            ("asked", asked),
            ("made for", made.isEmpty ? "not declared" : made.joined(separator: ", ")),
            ("developed on", development ?? "not declared"),
            ("preprocessing", "8-bit RGB divided by 255"),
            ("arithmetic", arithmetic),
            ("network", architecture),
            ("parameters", "\(parameters)"),
        ]
    }

    /// For files that leave the database.
    fileprivate var notes: [(String, String)] {
        [("model_version", name), ("notice", notice), ("weights_sha256", weightsSHA256)]
            + traits.map { ($0.name.replacing(" ", with: "_"), $0.value) }
    }
}
