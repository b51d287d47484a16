import Database
import Foundation

/// The patches on which people and the model differ most, as pictures where they are kept.
struct DisagreedPatches {
    private let patches: [LabelledPatch]

    private static let most = 12

    init(_ answers: LabelAnswers) {
        func distance(_ patch: LabelledPatch) -> Double {
            patch.answer == .tumor ? 1 - patch.pTumor : patch.pTumor
        }
        patches = Array(
            answers.all.filter { $0.answer != .unassessable && ($0.answer == .tumor) != $0.isCalledTumor }
                .sorted { (distance($1), $0.job.text) < (distance($0), $1.job.text) }.prefix(DisagreedPatches.most))
    }

    func parts(_ connection: DatabaseConnection) throws -> [ReportPart] {
        guard !patches.isEmpty else { return [] }
        let kept = try Dictionary(
            uniqueKeysWithValues: connection.query(
                """
                select prediction.job_id, image.png
                from sentinode.predictions as prediction
                join sentinode.patch_images as image using (image_sha256)
                where prediction.job_id = any($1::uuid[])
                """, [.uuidArray(patches.map(\.job))]
            ).map { (try $0.uuid("job_id"), try $0.bytes("png")) })
        let rows = patches.map { patch in
            [
                patch.job.text, patch.answer == .tumor ? "tumor" : "normal", patch.pTumor.short,
                patch.provenance.origin.site,
            ]
        }
        return [
            ReportPart(
                title: "Where people and the model differ most",
                words: "The label, and the model's probability of tumour.",
                table: ReportTable(columns: ["job", "label", "probability of tumour", "site"], rows: rows),
                pictures: patches.compactMap { patch in
                    kept[patch.job].map {
                        ($0, "\(patch.answer == .tumor ? "tumor" : "normal"), \(patch.pTumor.short) \(patch.job.text)")
                    }
                }, isTable: true)
        ]
    }
}

extension ScoreCurves {
    /// Of corrected labels where there are any, else of all of them.
    init(_ answers: LabelAnswers) {
        let isPlain = answers.correctedScores.isEmpty
        self.init(
            labelled: isPlain ? answers.plainScores : answers.correctedScores,
            name: isPlain ? "labels, plain" : "labels, corrected")
    }
}
