import Database

/// Whether the patches that are kept for people to look at are those that the model saw, and all of them are there.
///
/// Kept patches are no leaves of the trail: what it holds of them is their hash, in the prediction, and the policy's
/// rule, which says how long they are kept.
enum KeptPatchCheck {
    /// Shares of the table, by the first byte of the hash, of which each is hashed in one statement.
    static let shares = 16
    private static let table = "sentinode.patch_images"

    /// Patches of one share whose bytes have another hash than the one they stand under. The database hashes where the
    /// bytes are: only hashes leave it.
    static func changed(share: Int, _ connection: DatabaseConnection) throws -> FindingList {
        let width = 256 / shares
        let start = Parameter.bytes(share == 0 ? [] : [UInt8(share * width)])
        let end = share == shares - 1 ? [] : [Parameter.bytes([UInt8((share + 1) * width)])]
        return try FindingList.ofStep(table, connection) {
            try connection.query(
                changedSQL + (end.isEmpty ? "" : " and image_sha256 < $3") + " order by image_sha256 limit $1",
                [.int8(Int64(FindingList.kept)), start] + end
            ).map { row in
                finding(
                    .patchChanged, try row.text("hash"), all: try row.int8("all"),
                    "its bytes have another SHA-256 than the one it stands under: it is not the patch that the model saw"
                )
            }
        }
    }

    private static let changedSQL: SQL = """
        select encode(image_sha256, 'hex') as hash, count(*) over () as all from sentinode.patch_images
        where sha256(png) is distinct from image_sha256 and image_sha256 >= $2
        """

    /// Patches that a policy still keeps, and that nothing in the trail removed.
    static func missing(_ connection: DatabaseConnection) throws -> FindingList {
        try FindingList.ofStep(table, connection) {
            // The planner expects one row; where somebody removed many, each would scan the table.
            try connection.run(script: "set local enable_nestloop = off")
            let rows = try connection.query(missingSQL, [.int8(Int64(FindingList.kept))])
            try connection.run(script: "set local enable_nestloop = on")
            return try rows.map { row in
                var finding = finding(
                    .patchMissing, try row.text("hash"), all: try row.int8("all"),
                    "prediction job_id=\(try row.uuid("job_id").text) was selected for review and its patch is kept until "
                        + "\(try row.timestamp("keep_until")), and no pruning or erasure removed it")
                finding.position = EventPosition(writer: try row.uuid("writer"), seal: try row.int8("seal"))
                finding.leaf = try row.int4("leaf")
                return finding
            }
        }
    }

    /// One row a hash. The governing rule's time is the least that was asked for (`Selection.keepImageDays`), until the
    /// end of its day (`KeptImage.keepUntil`). An erasure of any prediction of the same picture may have removed it.
    private static let missingSQL: SQL = """
        with gone as materialized (
            select distinct on (prediction.image_sha256) prediction.image_sha256, prediction.job_id, prediction.writer,
                prediction.seal, prediction.leaf, event.occurred_at, kept.keep_until
            from review.policy_rules as rule
            join sentinode.predictions as prediction
                on (prediction.review_policy, prediction.review_rule) = (rule.generation, rule.rule)
            join audit.events as event on (event.writer, event.seal) = (prediction.writer, prediction.seal)
            cross join lateral (select to_timestamp(ceil(
                (extract(epoch from event.occurred_at) + rule.keep_image_days * 86400.0) / 86400) * 86400) as keep_until) as kept
            where rule.keep_image_days > 0 and prediction.review_reason is not null and prediction.salt is not null
                and isfinite(event.occurred_at) and kept.keep_until > now()
                and not exists (
                    select from sentinode.patch_images as image where image.image_sha256 = prediction.image_sha256)
            order by prediction.image_sha256, event.occurred_at desc
        ), pruned as materialized (
            select named.hash, max(event.occurred_at) as at
            from audit.events as event
            cross join lateral jsonb_array_elements_text(case jsonb_typeof(event.detail -> 'sha256_base64')
                when 'array' then event.detail -> 'sha256_base64' else '[]' end) as named (hash)
            where event.action = 'images.pruned' group by named.hash
        ), erased as materialized (
            select image_sha256 from sentinode.predictions where salt is null
        )
        select encode(gone.image_sha256, 'hex') as hash, gone.job_id, gone.writer, gone.seal, gone.leaf, gone.keep_until,
            count(*) over () as all
        from gone left join pruned on pruned.hash = encode(gone.image_sha256, 'base64') and pruned.at >= gone.occurred_at
        where pruned.hash is null
            and not exists (select from erased where erased.image_sha256 = gone.image_sha256)
        order by gone.occurred_at, gone.image_sha256 limit $1
        """

    private static func finding(
        _ kind: AuditFinding.Kind, _ hash: String, all: Int64, _ detail: String
    ) -> AuditFinding {
        var finding = AuditFinding(kind, table: table, detail: detail, count: Int(min(all, FindingList.largest)))
        finding.key = "image_sha256=\(hash)"
        return finding
    }
}
