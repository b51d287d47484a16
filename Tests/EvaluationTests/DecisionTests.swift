import AuditTrail
import Database
import Foundation
import PatchClassifier
import Testing

@testable import Evaluation
@testable import MessageBroker

@Suite struct `An operating point` {
    @Test func `calls tumor what reaches the threshold`() {
        let point = OperatingPoint(threshold: 0.5)
        #expect(point.decision(0.5) == .tumor)
        #expect(point.decision(Float(0.5).nextDown) == .normal)
        #expect(point.decision(0) == .normal && point.decision(1) == .tumor)
    }

    @Test func `leaves to a person what lies in the band, from its lower end up to below its upper one`() {
        let point = OperatingPoint(threshold: 0.5, uncertain: 0.1..<0.75)
        #expect(point.decision(0.1) == .uncertain && point.decision(Float(0.1).nextDown) == .normal)
        #expect(point.decision(Float(0.75).nextDown) == .uncertain && point.decision(0.75) == .tumor)
        #expect(point.decision(0.5) == .uncertain)
    }
}

@Suite struct `A recording plan` {
    private static let at = Timestamp(microseconds: 1_000_000)
    private static let image = [UInt8](repeating: 1, count: 32)

    private func submission(_ job: UUID, redelivered: Bool = false) -> Submission {
        Submission(
            delivery: Delivery.example(MessageProperties(), redelivered: redelivered), receivedAt: Self.at, jobID: job,
            payloadSHA256: Self.image, reply: nil, content: .failure(Refusal(.empty, "")))
    }

    private func prediction(_ job: UUID, image: [UInt8] = image) -> Prediction {
        Prediction(
            job: Job(
                id: job, messageID: nil, sender: nil, metadata: PatchMetadata(), attributes: nil, attributesDropped: 0,
                png: [], imageSHA256: image),
            modelVersion: "v", rule: DecisionRule(OperatingPoint(threshold: 0.5)),
            probabilities: LogProbabilities(normal: -1, tumor: -0.46),
            statistics: ImageStatistics(Patch(width: 1, height: 1, rgb: [1, 2, 3])), engine: "direct-1/portable",
            receivedAt: Self.at, predictedAt: Self.at)
    }

    private func finding(_ job: UUID, image: [UInt8] = image) -> Finding {
        Finding(submission: submission(job), content: .prediction(prediction(job, image: image)))
    }

    private func stored(_ job: UUID) -> StoredPrediction {
        let position = LeafPosition(writer: UUID(), seal: 1, leaf: 1)
        return StoredPrediction(prediction(job), Receipt(position: position, root: Self.image))
    }

    private func plan(_ findings: [Finding], _ known: Known = Known(), isAnotherTry: Bool = false) -> RecordingPlan {
        RecordingPlan(findings, known, at: Self.at, readable: .all, isAnotherTry: isAnotherTry)
    }

    /// The outcomes, in the order of the findings.
    private func outcomes(_ plan: RecordingPlan) throws -> [String] {
        var plan = plan
        plan.predictionPositions = plan.predictions.indices.map {
            LeafPosition(writer: UUID(), seal: 1, leaf: Int32($0 + 1))
        }
        return try plan.settlements(root: Self.image).map { settlement in
            switch settlement.outcome {
            case .recorded(let decision): "recorded \(decision.rawValue)"
            case .alreadyRecorded: "already recorded"
            case .quarantined(let reason): "quarantined \(reason.rawValue)"
            case .deadLettered: "dead-lettered"
            }
        }
    }

    @Test func `inserts what is new, and settles everything in the order it came`() throws {
        let (new, old, bad) = (UUID(), UUID(), UUID())
        var known = Known()
        known.predictions[old] = stored(old)
        let refusal = Finding(submission: submission(bad), content: .refusal(Refusal(.truncated, "")))
        let plan = plan([refusal, finding(old), finding(new)], known)
        #expect(plan.predictions.map(\.job.id) == [new])
        #expect(plan.quarantined.map(\.submission.jobID) == [bad])
        #expect(try outcomes(plan) == ["quarantined truncated", "already recorded", "recorded tumor"])
        let event = plan.event(modelVersion: "v")
        #expect(
            event?.detail?.text == #"{"sentinode.predictions":1,"sentinode.quarantined_messages":1}"#)
    }

    @Test func `is no event where everything was recorded before`() throws {
        let job = UUID()
        var known = Known()
        known.predictions[job] = stored(job)
        #expect(plan([finding(job)], known).event(modelVersion: "v") == nil)
    }

    @Test func `refuses another image under a job id that is taken`() throws {
        let job = UUID()
        var known = Known()
        known.predictions[job] = stored(job)
        let plan = plan([finding(job, image: [UInt8](repeating: 2, count: 32))], known)
        #expect(plan.predictions.isEmpty)
        #expect(try outcomes(plan) == ["quarantined job_id_reused"])
    }

    @Test(arguments: [false, true])
    func `counts a quarantined message again when it was sent again, not when it was delivered again`(
        redelivered: Bool
    ) throws {
        let job = UUID()
        var known = Known()
        known.quarantined = [Known.QuarantineKey(jobID: job, payloadSHA256: Self.image)]
        let again = Finding(
            submission: submission(job, redelivered: redelivered), content: .refusal(Refusal(.truncated, "")))
        let plan = plan([again], known)
        #expect(plan.quarantined.isEmpty)
        #expect(plan.repeats.count == (redelivered ? 0 : 1))
        #expect(try outcomes(plan) == ["quarantined truncated"])
        // The try before may have stored it, and its answer was lost.
        #expect(self.plan([again], known, isAnotherTry: true).repeats.isEmpty)
        // Somebody decided about it meanwhile: then it was sent again, however it came.
        known.decided = known.quarantined
        #expect(self.plan([again], known).repeats.count == 1)
    }
}
