public import AuditTrail
public import Database
import Foundation

/// Why a checkpoint is made.
public enum CheckpointOccasion: Sendable {
    case routine
    /// The key that signs from the next one on.
    case rotation(to: VerifyingKey)
    /// The database was restored from a backup and lacks checkpoints that are known outside.
    case restored(reason: String)
}

/// What one signing did.
public struct SigningRound: Sendable {
    /// Those that are not known outside yet, the new one last.
    public let checkpoints: [Checkpoint]
    /// Seals that waited for a checkpoint and are gone: somebody removed them.
    public let sealsLost: Int64
    /// Seals that were not on the list of what waits, though no checkpoint had signed them: somebody took them off it.
    public let sealsForgotten: Int64
}

/// Signs where every chain stands and stores it, as the login of its database connection.
public final class CheckpointSigner {
    private let ledger: Ledger
    private let key: SigningKey

    /// Seconds that one statement may take: the first checkpoint of a large database names every chain there is.
    private static let statementTimeout = 600.0

    public init(_ settings: DatabaseSettings, key: SigningKey) throws {
        let settings = settings.patient(statementTimeout: CheckpointSigner.statementTimeout)
        ledger = try Ledger(DatabaseConnection(settings))
        self.key = key
    }

    /// Signs one more checkpoint, which follows the newest stored one.
    ///
    /// - Parameter outside: the newest checkpoint that is known outside of the database, which must still be stored.
    public func sign(_ occasion: CheckpointOccasion, after outside: Checkpoint?) throws -> SigningRound {
        try ledger.transact { entry in
            try self.takeTurn(entry.connection)
            let stored = try Checkpoint.newest(in: entry.connection)
            let place = try self.place(stored, outside, occasion, entry.connection)
            let grown = try GrownChains.all(since: place.base, entry.connection)
            let checkpoint = try self.signed(place, grown, occasion, serverTime: entry.at)
            _ = try entry.insert([
                CheckpointRow(checkpoint: checkpoint, createdAt: entry.at, createdBy: entry.actor)
            ])
            try self.announce(checkpoint, entry.connection)
            let missed = try self.stored(after: outside, before: checkpoint, entry.connection)
            return (
                SigningRound(
                    checkpoints: missed + [checkpoint], sealsLost: grown.lost,
                    sealsForgotten: grown.forgotten),
                try self.event(checkpoint, occasion)
            )
        }.value
    }

    /// Where a new checkpoint stands: which one it follows, and on whose totals it builds.
    private struct Place {
        /// The one it names as the one before.
        var previous: CheckpointDocument?
        /// The newest one in the database.
        var base: CheckpointDocument?
    }

    /// Signers of one database go one after the other.
    private func takeTurn(_ connection: DatabaseConnection) throws {
        _ = try connection.query("select pg_advisory_xact_lock(1397050964, 3)")
    }

    private func place(
        _ stored: Checkpoint?, _ outside: Checkpoint?, _ occasion: CheckpointOccasion, _ connection: DatabaseConnection
    ) throws -> Place {
        let isWhole = try holds(outside, stored, connection)
        switch (occasion, isWhole) {
        case (.restored, true):
            throw OperationError(
                "nothing is missing: the database holds the checkpoint that is known outside, so leave out --restored")
        case (.restored, false):
            try check(outside?.document.nextSigner, "outside")
            return Place(previous: outside?.document, base: stored?.document)
        case (.routine, false), (.rotation, false):
            throw OperationError(
                "the database lacks checkpoint \(outside?.document.number ?? 0), which is known outside, or holds "
                    + "another in its place. Where a backup was restored, say so with --restored REASON; where not, "
                    + "somebody rewrote history")
        case (.routine, true), (.rotation, true):
            try check(stored?.document.nextSigner, "stored")
            return Place(previous: stored?.document, base: stored?.document)
        }
    }

    /// Whether the database has what is known outside.
    private func holds(_ outside: Checkpoint?, _ stored: Checkpoint?, _ connection: DatabaseConnection) throws -> Bool {
        guard let outside else { return true }
        guard let stored, stored.document.number >= outside.document.number else { return false }
        let same = try Checkpoint.numbered(outside.document.number, in: connection)
        return same?.document == outside.document
    }

    private func check(_ signer: [UInt8]?, _ place: String) throws {
        guard let signer, signer != key.verifyingKey.bytes else { return }
        throw OperationError(
            "the newest \(place) checkpoint is to be followed by one of key \(hexadecimal(signer.prefix(8)))..., and the "
                + "key given is \(hexadecimal(key.verifyingKey.bytes.prefix(8)))...: keys change only with --new-key")
    }

    private func signed(
        _ place: Place, _ grown: GrownChains, _ occasion: CheckpointOccasion, serverTime: Timestamp
    ) throws -> Checkpoint {
        var nextKey: [UInt8]?
        var restoration: CheckpointDocument.Restoration?
        switch occasion {
        case .routine: break
        case .rotation(let next): nextKey = next.bytes
        case .restored(let reason):
            let base = try place.base.map { CheckpointDocument.Link(number: $0.number, digest: try $0.digest()) }
            restoration = CheckpointDocument.Restoration(reason: reason, base: base)
        }
        let document = CheckpointDocument(
            number: max(place.previous?.number ?? 0, place.base?.number ?? 0) + 1, signedAt: .now,
            serverTime: serverTime,
            previous: try place.previous?.digest(), key: key.verifyingKey.bytes, nextKey: nextKey,
            restoration: restoration,
            chains: (place.base?.chains ?? 0) + grown.begun, seals: (place.base?.seals ?? 0) + grown.seals,
            heads: Int64(grown.heads.count), headsRoot: try Checkpoint.root(over: grown.heads))
        return Checkpoint(
            document: document, signature: try key.signature(over: Array(document.text.utf8)), heads: grown.heads)
    }

    private func announce(_ checkpoint: Checkpoint, _ connection: DatabaseConnection) throws {
        let announcement = try Announcement(checkpoint)
        try Outbox(connection: connection).keep(
            announcement.messages.map { (eventID: announcement.eventID, message: $0) })
    }

    private func event(_ checkpoint: Checkpoint, _ occasion: CheckpointOccasion) throws -> AuditEvent {
        var reason: String?
        if case .restored(let given) = occasion { reason = given }
        return AuditEvent(
            action: "audit.checkpointed", subject: String(checkpoint.document.number), reason: reason,
            detail: .object([("digest", .string(hexadecimal(try checkpoint.document.digest())))]))
    }

    /// What was stored since the outside heard last, perhaps by another signer, or just before a crash.
    private func stored(
        after outside: Checkpoint?, before new: Checkpoint, _ connection: DatabaseConnection
    ) throws -> [Checkpoint] {
        guard let outside else { return [] }
        return try connection.query(
            """
            select document, signature, heads from audit.checkpoints where number > $1 and number < $2 order by number
            """, [.int8(outside.document.number), .int8(new.document.number)]
        ).map(Checkpoint.init)
    }
}
