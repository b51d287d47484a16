import AuditTrail
public import Database
import Foundation
public import PatchClassifier

/// What a person asked for cannot be done as things stand.
public struct OperationError: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// A model version as lists show it.
public struct ModelVersionSummary: Sendable {
    public let name: String
    public let isActive: Bool
    public let isShadow: Bool
    public let isRetired: Bool
    public let rule: DecisionRule
    public let scope: DeclaredScope
    /// Which patches its development profile is of, or why that cannot be read; nil where it declares none.
    public let development: String?
    /// The profile as it was stored.
    let developmentJSON: String?
    public let arithmetic: String
    public let weightsSHA256: String
    public let versionSHA256: String
    public let architecture: String
    public let parameters: Int64
    public let sourceName: String
    public let createdAt: String
    public let createdBy: String
    public let card: String?
    public let chosen: String?
    public let training: String?

    /// - Throws: `OperationError` for an arithmetic that this program does not have.
    public var knownArithmetic: Arithmetic {
        get throws {
            guard let known = Arithmetic(rawValue: arithmetic) else {
                throw OperationError("model version \(name) needs \(arithmetic): run a newer sentinode")
            }
            return known
        }
    }
}

/// Imports, lists and activates model versions, as the login of its database connection.
public final class ModelRegistry {
    let ledger: Ledger

    public init(_ settings: DatabaseSettings) throws {
        ledger = try Ledger(DatabaseConnection(settings))
    }

    /// What an import did.
    public enum Imported: Sendable, Equatable {
        case new
        /// The same version stood there under this name; it keeps what it came with. `differing` is what it came with
        /// another of.
        case already(differing: [String])
    }

    /// Stores weights, once however often they are imported, and a version of them under `name`.
    ///
    /// - Throws: `WeightsError` for a file that cannot be read, `OperationError` for one that is no such network, for
    ///   weights that the arithmetic rounds too much, and for a name that is taken by another version.
    /// - Parameter training: what `training.json` says of the weights; it is kept with the version, `chosen` too.
    public func importModel(
        path: String, name: String, rule: DecisionRule, scope: DeclaredScope = DeclaredScope(),
        arithmetic: Arithmetic? = nil, development: DevelopmentProfile? = nil, card: String?, chosen: String? = nil,
        training: String? = nil
    ) throws -> Imported {
        try ModelRegistry.check(name)
        let file = try Weights.bytes(ofFileAt: path)
        let (weights, network) = try ModelRegistry.network(file, path: path, arithmetic ?? .current)
        let golden = try GoldenPatch.made(for: network, rule)
        try WarmUp.check(network, rule.augmentation, golden)
        guard try WarmUp.agrees(golden, with: Network(weights, arithmetic: .direct), rule) else {
            throw OperationError(
                "\(path): computed by \(network.arithmetic.rawValue), these weights give a made-up patch a probability that "
                    + "is more than 1e-4 off: import them with --arithmetic \(Arithmetic.direct.rawValue)")
        }
        let weightsSHA256 = try Hash.sha256(weights.canonicalBytes)
        if let training { try Self.check(training: training, of: hexadecimal(weightsSHA256)) }
        func digest(_ scope: DeclaredScope, _ arithmetic: Arithmetic) throws -> [UInt8] {
            try ModelVersionRow.digest(
                weightsSHA256: weightsSHA256, arithmetic: arithmetic.rawValue, rule: rule, scope: scope)
        }
        let versionSHA256 = try digest(scope, network.arithmetic)
        // A scope was no part of what decides once: versions of then have the digest without. And what was imported under
        // this name when another arithmetic was the current one goes on with it, unless one is asked for.
        let sameSHA256 = try (arithmetic.map { [$0] } ?? Arithmetic.allCases).flatMap {
            [try digest(scope, $0), try digest(DeclaredScope(), $0)]
        }
        let sourceSHA256 = try Hash.sha256(file)
        return try ledger.transact { entry in
            if try self.isStored(name: name, versionSHA256: versionSHA256, or: sameSHA256, entry.connection) {
                let stored = try self.version(named: name)
                let differing = [
                    ("the card", card != nil && card != stored.card),
                    ("what it was made for", !scope.isEmpty && scope != stored.scope),
                    ("the development profile", development != nil && development?.json != stored.developmentJSON),
                ].filter(\.1).map(\.0)
                return (.already(differing: differing), nil)
            }
            let isKnown = try !entry.connection.query(
                "select from sentinode.models where weights_sha256 = $1", [.bytes(weightsSHA256)]
            ).isEmpty
            if !isKnown {
                _ = try entry.insert([
                    ModelRow(
                        weightsSHA256: weightsSHA256, weights: weights.safetensors(),
                        parameters: weights.tensors.reduce(0) { $0 + $1.values.count },
                        architecture: network.architecture.description,
                        sourceName: URL(filePath: path).lastPathComponent, sourceSHA256: sourceSHA256,
                        importedAt: entry.at, importedBy: entry.actor)
                ])
            }
            _ = try entry.insert([
                ModelVersionRow(
                    name: name, weightsSHA256: weightsSHA256, arithmetic: network.arithmetic.rawValue,
                    rule: rule, scope: scope, development: development, card: card,
                    chosen: chosen, training: training, createdAt: entry.at, createdBy: entry.actor,
                    versionSHA256: versionSHA256)
            ])
            _ = try entry.insert(
                golden.enumerated().map { index, patch in
                    GoldenPatchRow(
                        modelVersion: name, number: Int16(index + 1), png: patch.png, answer: patch.answer,
                        storedAt: entry.at, storedBy: entry.actor)
                })
            return (.new, AuditEvent(action: "model.imported", subject: name))
        }.value
    }

    /// - Throws: `OperationError` for what `sentinode train` said of other weights.
    private static func check(training: String, of weightsSHA256: String) throws {
        struct Record: Decodable { let weights_sha256: String }
        let record: Record
        do {
            record = try JSONDecoder().decode(Record.self, from: Data(training.utf8))
        } catch {
            throw OperationError("training.json beside the weights is not what `sentinode train` writes: move it away")
        }
        guard record.weights_sha256 == weightsSHA256 else {
            throw OperationError("training.json beside the weights is of other weights: move it away")
        }
    }

    /// - Throws: `OperationError` that names the file, for one that is no network of the family.
    private static func network(
        _ file: [UInt8], path: String, _ arithmetic: Arithmetic
    ) throws -> (Weights, Network) {
        do {
            let weights = try Weights(contentsOf: file)
            return (weights, try Network(weights, arithmetic: arithmetic))
        } catch {
            throw OperationError("\(path): \(error)")
        }
    }

    /// What an activation asks of a version that was in a shadow period.
    public enum Activation: Sendable {
        /// That it met the criteria that were written down before.
        case earned
        /// Nothing: the audit trail says what was not met, and the monitor raises an alert.
        case override
        /// Nothing: it was in charge before.
        case rollback
    }

    /// Puts a version in charge: from the next batch on it decides, in every worker.
    ///
    /// Returns false where it was active already.
    ///
    /// - Throws: `OperationError` that lists the criteria of its shadow period which it has not met.
    public func activate(_ name: String, reason: String, _ activation: Activation = .earned) throws -> Bool {
        _ = try loaded(name)
        try Self.requireInUse(name, ledger.connection)
        // Computed before the lock is taken, under which nobody decides.
        let before = try ledger.control()
        guard before.activeVersion != name else { return false }
        let unmet = try unmet(name, activation, active: before.activeVersion)
        return try ledger.transact(.exclusive) { entry in
            if entry.control.activeVersion == name { return (false, nil) }
            guard entry.control.generation == before.generation,
                entry.control.shadowGeneration == before.shadowGeneration
            else {
                throw OperationError("somebody changed which versions are active or in shadow a moment ago: try again")
            }
            try Self.requireInUse(name, entry.connection)
            if try Self.isInShadow(name, entry.connection) {
                try self.change(name, nil, "it is active", &entry)
            }
            let control = Control(
                generation: entry.control.generation + 1, activeVersion: name, isPaused: entry.control.isPaused)
            _ = try entry.insert([
                ControlRow(
                    control: control, reason: reason, changedAt: entry.at, changedBy: entry.actor, overridden: unmet)
            ])
            let announcement = try Announcement(activated: control, by: entry.actor, reason: reason, at: entry.at)
            try Outbox(connection: entry.connection).keep(
                announcement.messages.map { (eventID: announcement.eventID, message: $0) })
            return (
                true,
                AuditEvent(
                    action: announcement.routingKey, subject: name, reason: reason,
                    detail: unmet.map { .object([("overridden", .string($0))]) })
            )
        }.value
    }

    /// What an override overrides; nil where nothing stands against the activation.
    private func unmet(_ name: String, _ activation: Activation, active: String?) throws -> String? {
        guard activation != .rollback else { return nil }
        let list: String
        do {
            guard let trial = try ShadowTrial(of: name, ledger.connection) else { return nil }
            var unmet = trial.unmet
            if let active, trial.comparedWith != active {
                unmet.append(
                    .init(
                        name: "compared with", finding: "\(trial.comparedWith), and \(active) is active", isMet: false))
            }
            if unmet.isEmpty { return nil }
            list = unmet.map { "\($0.name): \($0.finding)" }.joined(separator: "; ")
        } catch let error as DatabaseError where activation == .override {
            list = "its criteria could not be computed (SQLSTATE \(error.sqlstate))"
        }
        guard activation == .override else {
            throw OperationError(
                "\(name) has not met the criteria of its shadow period (\(list)): wait, or activate it with "
                    + "--override, which is audited and raises an alert")
        }
        return list
    }

    public func versions() throws -> [ModelVersionSummary] {
        try ledger.connection.query(ModelRegistry.listSQL + " order by version.created_at, version.name").map(
            ModelVersionSummary.init)
    }

    public func version(named name: String) throws -> ModelVersionSummary {
        let rows = try ledger.connection.query(ModelRegistry.listSQL + " where version.name = $1", [.text(name)])
        guard let row = rows.first else {
            throw OperationError("there is no model version \(name): `sentinode model list` shows those there are")
        }
        return try ModelVersionSummary(row)
    }

    private func isStored(
        name: String, versionSHA256: [UInt8], or same: [[UInt8]], _ connection: DatabaseConnection
    ) throws -> Bool {
        let rows = try connection.query(
            "select name, version_sha256 from sentinode.model_versions where name = $1 or version_sha256 = $2",
            [.text(name), .bytes(versionSHA256)])
        for row in rows {
            let stored = try row.text("name")
            let found = try row.bytes("version_sha256")
            switch (stored == name, found == versionSHA256 || same.contains(found)) {
            case (true, true): return true
            case (true, false):
                throw OperationError(
                    "the name \(name) belongs to another version: a name is never given twice, so choose a new one")
            case (false, _):
                throw OperationError("this version is here already, as \(stored): same weights, same decisions")
            }
        }
        return false
    }

    private static func check(_ name: String) throws(OperationError) {
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789._-".utf8)
        let isGood =
            (1...63).contains(name.utf8.count) && name.utf8.allSatisfy(allowed.contains)
            && !"._-".utf8.contains(name.utf8.first ?? 0)
        guard isGood else {
            throw OperationError(
                "\(name) is no name for a version: 1 to 63 of a-z, 0-9, dot, hyphen and underscore are expected, "
                    + "a letter or digit first")
        }
    }

    private static let listSQL: SQL = """
        select version.*, model.architecture, model.parameters, model.source_name,
            coalesce(version.name = (select active_version from sentinode.control order by generation desc limit 1), false)
                as is_active,
            coalesce(
                (select running from sentinode.shadow_changes as change where change.model_version = version.name
                 order by generation desc limit 1), false) as is_shadow,
            exists (select from sentinode.retirements as over where over.model_version = version.name) as is_retired
        from sentinode.model_versions as version join sentinode.models as model using (weights_sha256)
        """
}

extension ModelVersionSummary {
    fileprivate init(_ row: Row) throws {
        name = try row.text("name")
        isActive = try row.bool("is_active")
        isShadow = try row.bool("is_shadow")
        isRetired = try row.bool("is_retired")
        rule = try DecisionRule(row)
        scope = try DeclaredScope(row)
        developmentJSON = try row.optionalText("development_profile")
        development = developmentJSON.map { json in
            switch DevelopmentProfile.read(json) {
            case .success(let profile): "\(profile.description) (\(profile.patches) patches)"
            case .failure(let error): error.description
            }
        }
        arithmetic = try row.text("arithmetic")
        weightsSHA256 = hexadecimal(try row.bytes("weights_sha256"))
        versionSHA256 = hexadecimal(try row.bytes("version_sha256"))
        architecture = try row.text("architecture")
        parameters = try row.int8("parameters")
        sourceName = try row.text("source_name")
        createdAt = try row.timestamp("created_at").description
        createdBy = try row.text("created_by")
        card = try row.optionalText("card")
        chosen = try row.optionalText("chosen")
        training = try row.optionalText("training")
    }
}
