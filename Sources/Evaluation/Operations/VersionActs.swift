import AuditTrail
import Database
import Foundation
import PatchClassifier

extension ModelRegistry {
    /// Lets a version predict beside the active one, and decide nothing, in every worker, until it is ended.
    public func startShadow(_ name: String, _ criteria: ShadowCriteria, reason: String) throws {
        // Networks are loaded before the lock is taken, under which nobody decides.
        guard let active = try ledger.control().activeVersion else {
            throw OperationError("no version is active: there is nothing that \(name) could stand beside")
        }
        let (own, other) = (try loaded(name).network.architecture.side, try loaded(active).network.architecture.side)
        guard own == other else {
            throw OperationError(
                "\(name) takes patches of \(own) pixels, and \(active), which is active, of \(other)")
        }
        _ = try ledger.transact(.exclusive) { entry in
            try Self.requireInUse(name, entry.connection)
            guard entry.control.activeVersion != name else {
                throw OperationError("\(name) is active: it decides already")
            }
            guard entry.control.activeVersion == active else {
                throw OperationError("another version was activated a moment ago: try again")
            }
            if let period = try ShadowPeriod.last(of: name, entry.connection), period.endedAt == nil {
                throw OperationError(
                    "\(name) is in a shadow period already: its criteria stay as they were written down; "
                        + "`sentinode model shadow \(name) --end --reason TEXT` ends it")
            }
            try self.change(name, criteria, reason, &entry)
            return (
                (),
                AuditEvent(
                    action: "model.shadow_started", subject: name, reason: reason,
                    detail: .object([("criteria", .string(criteria.json))]))
            )
        }
    }

    public func endShadow(_ name: String, reason: String) throws {
        _ = try version(named: name)
        _ = try ledger.transact(.exclusive) { entry in
            guard try Self.isInShadow(name, entry.connection) else {
                throw OperationError("\(name) is in no shadow period")
            }
            try self.change(name, nil, reason, &entry)
            return ((), AuditEvent(action: "model.shadow_ended", subject: name, reason: reason))
        }
    }

    /// How the version does, or did, in its last shadow period; nil where it never was in one.
    public func shadowTrial(of name: String) throws -> ShadowTrial? {
        _ = try version(named: name)
        return try ShadowTrial(of: name, ledger.connection)
    }

    /// Says that a version is never to be activated again.
    public func retire(_ name: String, reason: String) throws {
        _ = try version(named: name)
        _ = try ledger.transact(.exclusive) { entry in
            try Self.requireInUse(name, entry.connection)
            guard entry.control.activeVersion != name else {
                throw OperationError("\(name) is active: activate another version first")
            }
            if try Self.isInShadow(name, entry.connection) { try self.change(name, nil, reason, &entry) }
            _ = try entry.insert([
                RetirementRow(modelVersion: name, reason: reason, retiredAt: entry.at, retiredBy: entry.actor)
            ])
            return ((), AuditEvent(action: "model.retired", subject: name, reason: reason))
        }
    }

    /// Puts the version back in charge that was before the active one first was, and gives its name: again, it goes back
    /// further, and never to what was left behind.
    public func rollback(reason: String) throws -> String {
        let row = try ledger.connection.query(
            """
            select before.active_version from sentinode.control as before
            where before.generation < (
                    select min(generation) from sentinode.control
                    where active_version = (select active_version from sentinode.control order by generation desc limit 1))
                and before.active_version is not null
                and not exists (select from sentinode.retirements as over where over.model_version = before.active_version)
            order by before.generation desc limit 1
            """
        ).first
        guard let row else {
            throw OperationError("there is no version to go back to: none that is in use was active before this one")
        }
        let name = try row.text("active_version")
        _ = try activate(name, reason: reason, .rollback)
        return name
    }

    static func requireInUse(_ name: String, _ connection: DatabaseConnection) throws {
        let row = try connection.query(
            "select reason, retired_by from sentinode.retirements where model_version = $1", [.text(name)]
        ).first
        guard let row else { return }
        throw OperationError(
            "\(name) was retired by \(try row.text("retired_by")): \(try row.text("reason"))")
    }

    static func isInShadow(_ name: String, _ connection: DatabaseConnection) throws -> Bool {
        try ShadowPeriod.last(of: name, connection).map { $0.endedAt == nil } ?? false
    }

    /// Starts a shadow period with criteria, and ends one without.
    func change(_ name: String, _ criteria: ShadowCriteria?, _ reason: String, _ entry: inout LedgerEntry) throws {
        _ = try entry.insert([
            ShadowChangeRow(
                generation: 1 + (entry.control.shadowGeneration ?? 0), modelVersion: name, criteria: criteria,
                reason: reason, changedAt: entry.at, changedBy: entry.actor)
        ])
    }

    /// Refused here, nothing changes in any worker.
    func loaded(_ name: String) throws -> LoadedVersion {
        _ = try version(named: name)
        return try VersionShelf().version(named: name, from: ledger.connection)
    }
}
