import AuditTrail
import Database
import Foundation

/// What is kept outside of the database, and holds the trail in its place: a public key, and checkpoints signed by it.
public struct OutsideRecord: Sendable {
    private let publicKey: VerifyingKey
    private let checkpoints: [Checkpoint]

    /// - Throws: `OperationError` where a file cannot be read as what it should be.
    public init(publicKeyFile: String, checkpointFiles: [String]) throws {
        publicKey = try KeyFiles.verifyingKey(publicKeyFile)
        checkpoints = try checkpointFiles.flatMap { try CheckpointFile.read($0) }
    }

    fileprivate func compare(_ connection: DatabaseConnection, _ report: inout AnchorReport) throws {
        try CheckpointVerification(publicKey: publicKey, outside: checkpoints).run(connection, &report)
    }
}

/// What holds the trail from outside: the place where trust comes in.
public struct AuditAnchor: Sendable {
    /// Up to when the trail is held by something outside of the database, or that it is not.
    public let words: String
    /// What is not as a checkpoint, or the record of the catalogue, says.
    public let findings: [AuditFinding]

    static let missing = AuditAnchor(words: "not anchored: no checkpoint was given", findings: [])

    private init(words: String, findings: [AuditFinding]) {
        (self.words, self.findings) = (words, findings)
    }

    /// Compares the database with what is kept outside, and its catalogue with what was recorded of it. Inside a
    /// transaction of the caller's, whose `search_path` may change.
    init(_ connection: DatabaseConnection, outside: OutsideRecord?) throws {
        guard try AuditAnchor.isPossible(connection) else {
            self = .missing
            return
        }
        var catalogue = AnchorReport()
        let fault = try VerificationStep.fault(in: "the catalogue", connection) {
            try CatalogueFingerprint(connection).verifyInTransaction(&catalogue)
        }
        if let fault { catalogue.findings.append(AnchorFinding(.unreadable, fault)) }
        var findings = catalogue.findings.map { AuditFinding(.catalogueChanged, detail: "\($0)") }
        var lines = catalogue.notes
        if let outside {
            var report = AnchorReport()
            let fault = try VerificationStep.fault(in: "the trail with its checkpoints", connection) {
                try outside.compare(connection, &report)
            }
            if let fault {
                report.findings.append(AnchorFinding(.unreadable, fault))
                report.anchor = nil
            }
            findings += report.findings.map { AuditFinding(.notAsSigned, detail: "\($0)") }
            lines += report.notes
            lines.append(fault == nil ? AuditAnchor.words(report) : "not anchored: the comparison broke off")
        } else {
            lines.append(AuditAnchor.missing.words)
        }
        self.init(words: lines.joined(separator: "\n"), findings: findings)
    }

    private static func words(_ report: AnchorReport) -> String {
        guard let anchor = report.anchor else {
            return "not anchored: no checkpoint from outside that the key vouches for was given; the database holds "
                + "\(report.checkpoints)"
        }
        return "anchored until \(anchor.time) by checkpoint \(anchor.checkpoint); \(report.eventsSince) events since"
    }

    /// Where the tables are missing, that is a finding already.
    private static func isPossible(_ connection: DatabaseConnection) throws -> Bool {
        try connection.query(
            """
            select to_regclass('audit.checkpoints') is not null and to_regclass('audit.catalogues') is not null as answer
            """
        ).onlyRow().bool("answer")
    }
}
