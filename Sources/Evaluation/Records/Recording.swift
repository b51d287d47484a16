import AuditTrail
import Database
import Foundation
import MessageBroker

/// What was found out about one delivery: a prediction to store, or why there is none.
struct Finding {
    enum Content {
        case prediction(Prediction)
        case refusal(Refusal)
    }

    let submission: Submission
    var content: Content
}

/// Where a delivery stands after recording, and what is to be told of it.
struct Settlement {
    /// The closed set of outcomes of a job, but for `handedBack`, which never gets as far as this.
    enum Outcome {
        case recorded(Decision)
        case alreadyRecorded
        case quarantined(Refusal.Reason)
        case deadLettered
    }

    let submission: Submission
    let outcome: Outcome
    /// nil for what could not be stored at all: the dead-letter queue is then all that is left to tell.
    let announcement: Announcement?
}

/// Other versions are to be asked now, or nobody may decide: found out under the lock that decisions share.
enum ControlChange: Error {
    case otherVersions(Control)
    case paused
}

/// Stores findings, each exactly once, together with the event and the seal over them.
struct Recording {
    let ledger: Ledger
    /// The version that the predictions were made with.
    let modelVersion: String
    /// Of the versions in shadow that were asked too.
    let shadowGeneration: Int64?
    let selection: SelectionAtDecision
    /// Whether an earlier try, whose answer was lost or which ended half-way, may have stored some of these findings.
    var isAnotherTry = false
    /// Called when a transaction was committed, or may have been.
    var noteCommit: () -> Void = {}

    /// Settles all findings. What the database refuses is halved until the culprit is alone, and quarantined.
    ///
    /// - Throws: `ControlChange`, or a `DatabaseError` that is not the fault of a row.
    func record(_ findings: [Finding]) throws -> [Settlement] {
        let (firsts, repeats) = Recording.firsts(of: findings)
        var settled = try recordHalving(firsts)
        if !repeats.isEmpty {
            // An earlier try that ended before its end did not come to these.
            var recording = self
            recording.isAnotherTry = false
            settled += try recording.record(repeats)
        }
        return settled
    }

    /// A transaction holds each key once, so what comes twice in a batch waits for the next one.
    private static func firsts(of findings: [Finding]) -> (firsts: [Finding], repeats: [Finding]) {
        var seen: Set<UUID> = []
        var firsts: [Finding] = []
        var repeats: [Finding] = []
        for finding in findings {
            if seen.insert(finding.submission.jobID).inserted {
                firsts.append(finding)
            } else {
                repeats.append(finding)
            }
        }
        return (firsts, repeats)
    }

    private func recordHalving(_ findings: [Finding]) throws -> [Settlement] {
        guard !findings.isEmpty else { return [] }
        do {
            return try recordTogether(findings)
        } catch let error as DatabaseError where error.kind == .refusedRow {
            guard findings.count > 1 else { return [try recordRefused(findings[0], error)] }
            let middle = findings.count / 2
            return try recordHalving(Array(findings[..<middle])) + recordHalving(Array(findings[middle...]))
        }
    }

    /// The database takes this one in no company: quarantined with what can be kept, else dead-lettered.
    private func recordRefused(_ finding: Finding, _ error: DatabaseError) throws -> Settlement {
        let refusal = Refusal(
            .unstorable,
            "the database refuses the row (SQLSTATE \(error.sqlstate)\(error.constraint.map { ", \($0)" } ?? ""))")
        let unstorable = Finding(submission: finding.submission, content: .refusal(refusal))
        for readable in QuarantinedMessage.Readable.allCases {
            do {
                return try recordTogether([unstorable], readable: readable)[0]
            } catch let error as DatabaseError where error.kind == .refusedRow {
                continue
            }
        }
        return Settlement(submission: finding.submission, outcome: .deadLettered, announcement: nil)
    }

    /// One transaction. A key that was taken a moment ago makes it start again, and then it looks first; one that is of
    /// nothing it looks for is refused in the end.
    private func recordTogether(_ findings: [Finding], readable: QuarantinedMessage.Readable = .all) throws
        -> [Settlement]
    {
        // Only what was delivered before, or is refused, is likely to be there already.
        var looksFirst =
            isAnotherTry
            || findings.contains { finding in
                if case .refusal = finding.content { true } else { finding.submission.delivery.redelivered }
            }
        var attempts = 0
        while true {
            do {
                return try transact(findings, looksFirst: looksFirst, readable: readable)
            } catch let taken as KeyExists {
                attempts += 1
                guard attempts < 5 else { throw taken.refusal }
                looksFirst = true
            }
        }
    }

    private func transact(_ findings: [Finding], looksFirst: Bool, readable: QuarantinedMessage.Readable) throws
        -> [Settlement]
    {
        let (plan, seal): (RecordingPlan, Seal?)
        do {
            (plan, seal) = try ledger.transact { entry in
                try follow(entry.control)
                let known = looksFirst ? try Known(findings, entry.connection) : Known()
                var plan = RecordingPlan(
                    findings, known, at: entry.at, readable: readable, isAnotherTry: isAnotherTry)
                try selection.select(&plan.predictions, entry)
                plan.predictionPositions = try entry.insert(plan.predictions)
                _ = try entry.insert(plan.predictions.flatMap(\.shadowPredictions))
                _ = try entry.insert(plan.quarantined)
                _ = try entry.insert(plan.repeats)
                try KeptImage.insert(KeptImage.of(plan.predictions, at: entry.at), entry.connection)
                return (plan, plan.event(modelVersion: modelVersion))
            }
        } catch let error as DatabaseError where error.commitUnknown {
            noteCommit()
            throw error
        }
        noteCommit()
        return try plan.settlements(root: seal?.root)
    }

    private func follow(_ control: Control) throws {
        if control.isPaused { throw ControlChange.paused }
        guard control.activeVersion == modelVersion, control.shadowGeneration == shadowGeneration else {
            throw ControlChange.otherVersions(control)
        }
    }
}

/// What the database holds of a batch's jobs already.
struct Known {
    var predictions: [UUID: StoredPrediction] = [:]
    var quarantined: Set<QuarantineKey> = []
    /// Those about which somebody has decided since they last came.
    var decided: Set<QuarantineKey> = []

    struct QuarantineKey: Hashable {
        let jobID: UUID
        let payloadSHA256: [UInt8]
    }

    init() {}

    init(_ findings: [Finding], _ connection: DatabaseConnection) throws {
        let ids = Parameter.uuidArray(findings.map(\.submission.jobID))
        let answers = try connection.pipeline([
            (StoredPrediction.selectSQL, [ids]),
            (Known.quarantineSQL, [ids]),
        ])
        for row in answers[0] {
            let stored = try StoredPrediction(row)
            predictions[stored.jobID] = stored
        }
        for row in answers[1] {
            let key = QuarantineKey(jobID: try row.uuid("job_id"), payloadSHA256: try row.bytes("payload_sha256"))
            quarantined.insert(key)
            if try row.bool("is_decided") { decided.insert(key) }
        }
    }

    private static let quarantineSQL: SQL = """
        select job_id, payload_sha256, coalesce(
            (select max(decided_at) from sentinode.quarantine_decisions as decision
             where decision.job_id = message.job_id and decision.payload_sha256 = message.payload_sha256)
            > greatest(
                quarantined_at,
                (select max(quarantined_at) from sentinode.quarantine_repeats as again
                 where again.job_id = message.job_id and again.payload_sha256 = message.payload_sha256)),
            false) as is_decided
        from sentinode.quarantined_messages as message where job_id = any($1::uuid[])
        """
}
