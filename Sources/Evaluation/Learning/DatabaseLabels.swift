import AuditTrail
public import Database
import Foundation
import PatchClassifier
import Training

/// Which labelled patches of the database.
public struct DatabaseLabels: Sendable {
    /// Labels as they stood then; nil for now.
    public var asOf: Timestamp?
    /// Of these sites alone; empty for all.
    public var sites: [String]

    public init(asOf: Timestamp? = nil, sites: [String] = []) { (self.asOf, self.sites) = (asOf, sites) }
}

extension LabelledImages {
    private static let page: Int64 = 500

    /// The patches that have a final label, which the draw asked for, and whose picture is kept. Each weighs what it stands
    /// for: one over the probability with which it was selected.
    ///
    /// - Throws: `OperationError` where there is none, or where one picture has both labels.
    public init(_ labels: DatabaseLabels, _ settings: DatabaseSettings, side: Int) throws {
        let connection = try DatabaseConnection(settings)
        defer { connection.close() }
        let asOf = try connection.query(
            "select review.set_as_of(coalesce($1, review.settled_at())) as as_of", [.timestamp(labels.asOf)]
        ).onlyRow().timestamp("as_of")
        let whose = labels.sites.isEmpty ? "" : " of \(labels.sites.joined(separator: ", "))"
        let source = "final labels\(whose) as of \(asOf)"
        var (patches, problems) = ([LabelledImage](), [PatchFiles.Problem]())
        var last = UUID.lowest
        while true {
            let rows = try connection.query(
                LabelledImages.pageSQL, [.textArray(labels.sites), .uuid(last), .int8(LabelledImages.page)])
            for row in rows {
                last = try row.uuid("job_id")
                let (id, png) = (last.text, try row.optionalBytes("png"))
                guard let png else {
                    problems.append(.init(path: id, sentence: "is labelled, and its patch is not kept"))
                    continue
                }
                switch Result(catching: { () throws(PatchDecodingError) in
                    try Patch(png: png, width: side, height: side)
                })
                {
                case .failure(let error): problems.append(.init(path: id, sentence: error.message))
                case .success(let patch):
                    patches.append(
                        try LabelledImage(
                            patch, id: id, isTumor: row.text("label") == "tumor",
                            weight: 1 / row.float8("selection_probability"), slide: row.optionalText("slide_id"),
                            source: PatchSource(
                                site: row.optionalText("site"), scanner: row.optionalText("scanner"),
                                stain: row.optionalText("stain"))))
                }
            }
            if rows.isEmpty { break }
        }
        guard !patches.isEmpty else {
            throw OperationError("there is no patch in the \(source) whose picture is kept")
        }
        try self.init(source: source, patches: patches, problems: problems)
    }

    private static let pageSQL: SQL = """
        select prediction.job_id, prediction.slide_id, prediction.site, prediction.scanner, prediction.stain,
            prediction.selection_probability, final.label,
            image.png
        from review.final_labels as final
            join sentinode.predictions as prediction using (job_id)
            left join sentinode.patch_images as image using (image_sha256)
        where final.label in ('tumor', 'normal') and final.how <> 'voluntary' and prediction.selection_probability > 0
            and (cardinality($1::text[]) = 0 or prediction.site = any ($1)) and prediction.job_id > $2
        order by prediction.job_id limit $3
        """
}
