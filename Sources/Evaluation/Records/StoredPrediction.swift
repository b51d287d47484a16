import AuditTrail
import Database
import Foundation
import PatchClassifier

/// A prediction as it stands in the database, with its receipt: what an announcement tells.
struct StoredPrediction {
    let jobID: UUID
    let messageID: String?
    let metadata: PatchMetadata
    let imageSHA256: [UInt8]
    let decision: String
    let logPNormal: Float
    let logPTumor: Float
    let pTumor: Float
    let operatingPoint: OperatingPoint
    let reviewReason: String?
    let modelVersion: String
    let engine: String
    let receivedAt: Timestamp
    let predictedAt: Timestamp
    let receipt: Receipt

    /// One that was inserted a moment ago.
    init(_ prediction: Prediction, _ receipt: Receipt) {
        jobID = prediction.job.id
        messageID = prediction.job.messageID
        metadata = prediction.job.metadata
        imageSHA256 = prediction.job.imageSHA256
        decision = prediction.decision.rawValue
        logPNormal = prediction.probabilities.normal
        logPTumor = prediction.probabilities.tumor
        pTumor = prediction.pTumor
        operatingPoint = prediction.rule.operatingPoint
        reviewReason = prediction.reviewReason
        modelVersion = prediction.modelVersion
        engine = prediction.engine
        receivedAt = prediction.receivedAt
        predictedAt = prediction.predictedAt
        self.receipt = receipt
    }

    /// One that was stored before; the row comes from `selectSQL`.
    init(_ row: Row) throws {
        jobID = try row.uuid("job_id")
        messageID = try row.optionalText("message_id")
        var metadata = PatchMetadata()
        metadata.slideID = try row.optionalText("slide_id")
        metadata.x = try row.optionalInt8("x")
        metadata.y = try row.optionalInt8("y")
        metadata.level = try row.optionalInt2("level")
        metadata.site = try row.optionalText("site")
        metadata.enqueuedAt = try row.optionalTimestamp("enqueued_at")
        self.metadata = metadata
        imageSHA256 = try row.bytes("image_sha256")
        decision = try row.text("decision")
        logPNormal = try row.float4("log_p_normal")
        logPTumor = try row.float4("log_p_tumor")
        pTumor = try row.float4("p_tumor")
        operatingPoint = try OperatingPoint(row)
        reviewReason = try row.optionalText("review_reason")
        modelVersion = try row.text("model_version")
        engine = try row.text("engine")
        receivedAt = try row.timestamp("received_at")
        predictedAt = try row.timestamp("predicted_at")
        let position = LeafPosition(
            writer: try row.uuid("writer"), seal: try row.int8("seal"), leaf: try row.int4("leaf"))
        receipt = Receipt(position: position, root: try row.bytes("root"))
    }

    /// $1: job ids.
    static let selectSQL: SQL = """
        select prediction.*, sealed.root
        from sentinode.predictions as prediction
        join audit.seals as sealed on sealed.writer = prediction.writer and sealed.number = prediction.seal
        where prediction.job_id = any($1::uuid[])
        """
}

extension OperatingPoint {
    /// From the columns `threshold`, `uncertain_low` and `uncertain_high`.
    init(_ row: Row) throws {
        threshold = try row.float4("threshold")
        let low = try row.optionalFloat4("uncertain_low")
        let high = try row.optionalFloat4("uncertain_high")
        if let low, let high { uncertain = low..<high } else { uncertain = nil }
    }
}
