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
    /// Numbers of stored checkpoints that cannot be read, and were passed over.
    public let unreadable: [Int64]
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
            let place = try self.place(outside, occasion, entry.connection)
            let grown = try GrownChains.all(since: place.base, heads: place.heads, entry.connection)
            let checkpoint = try self.signed(place, grown, occasion, serverTime: entry.at)
            _ = try entry.insert([
                CheckpointRow(checkpoint: checkpoint, createdAt: entry.at, createdBy: entry.actor)
            ])
            try self.announce(checkpoint, entry.connection)
            let missed = try self.stored(after: outside, before: checkpoint, entry.connection)
            return (
                SigningRound(
                    checkpoints: missed.compactMap(\.checkpoint) + [checkpoint], sealsLost: grown.lost,
                    sealsForgotten: grown.forgotten,
                    unreadable: place.unreadable + missed.filter { $0.checkpoint == nil }.map(\.number)),
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
        /// Heads of `base` where its row cannot be read.
        var heads: [SignedHead] = []
        /// The newest row, whether it can be read or not, and its number where it is passed over.
        var last: Int64 = 0
        var unreadable: [Int64] = []
    }

    /// Signers of one database go one after the other.
    private func takeTurn(_ connection: DatabaseConnection) throws {
        _ = try connection.query("select pg_advisory_xact_lock(1397050964, 3)")
    }

    private func place(
        _ outside: Checkpoint?, _ occasion: CheckpointOccasion, _ connection: DatabaseConnection
    ) throws -> Place {
        let newest = try StoredCheckpoint.newest(in: connection)
        if let newest, case .failure(let fault) = newest.content {
            return try place(behind: newest, fault, outside, occasion, connection)
        }
        let stored = newest?.checkpoint
        let isWhole = try holds(outside, stored, connection)
        switch (occasion, isWhole) {
        case (.restored, true):
            throw CheckpointSigner.nothingIsMissing
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

    /// Where the newest row cannot be read: behind the copy of it that is known outside, which has its totals. Without
    /// one nobody knows what it covered, and only a person can say that it is lost.
    private func place(
        behind newest: StoredCheckpoint, _ fault: OperationError, _ outside: Checkpoint?,
        _ occasion: CheckpointOccasion, _ connection: DatabaseConnection
    ) throws -> Place {
        let isKnown = outside?.document.number == newest.number && outside?.isSigned == true
        switch (occasion, isKnown) {
        case (.restored, true): throw CheckpointSigner.nothingIsMissing
        case (.routine, true), (.rotation, true):
            try check(outside?.document.nextSigner, "outside")
            let heads = try outside?.matchesHeads() == true ? outside?.heads ?? [] : []
            return Place(
                previous: outside?.document, base: outside?.document, heads: heads, last: newest.number,
                unreadable: [newest.number])
        case (.restored, false):
            try check(outside?.document.nextSigner, "outside")
            let base = try StoredCheckpoint.newestReadable(in: connection)
            return Place(previous: outside?.document, base: base?.document, last: newest.number)
        case (.routine, false), (.rotation, false):
            throw OperationError(
                "\(newest.sentence(fault)). What it covered could have been removed with it, so nothing was signed: run "
                    + "`sentinode audit verify`, and name a file that holds checkpoint \(newest.number) with --previous. "
                    + "Where nobody has it, go on behind the newest that is known outside with --restored REASON")
        }
    }

    private static var nothingIsMissing: OperationError {
        OperationError(
            "nothing is missing: the database holds the checkpoint that is known outside, so leave out --restored")
    }

    /// Whether the database has what is known outside.
    private func holds(_ outside: Checkpoint?, _ stored: Checkpoint?, _ connection: DatabaseConnection) throws -> Bool {
        guard let outside else { return true }
        guard let stored, stored.document.number >= outside.document.number else { return false }
        let same = try StoredCheckpoint.numbered(outside.document.number, in: connection)
        guard let same, case .failure(let fault) = same.content else {
            return same?.checkpoint?.document == outside.document
        }
        // The one behind it names it by its digest.
        let next = try StoredCheckpoint.numbered(same.number + 1, in: connection)?.checkpoint
        guard let previous = next?.document.previous, try previous == outside.document.digest() else {
            throw OperationError(
                "\(same.sentence(fault)). It is the newest that is known outside, and cannot be compared: run "
                    + "`sentinode audit verify`, and name a file with a newer checkpoint with --previous")
        }
        return true
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
            number: max(place.previous?.number ?? 0, place.base?.number ?? 0, place.last) + 1, signedAt: .now,
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
    ) throws -> [StoredCheckpoint] {
        guard let outside else { return [] }
        return try StoredCheckpoint.all(
            after: outside.document.number, before: new.document.number, in: connection)
    }
}
