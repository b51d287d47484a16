import Database

/// A patch kept for people to look at: a row of `sentinode.patch_images`, one for identical patches.
struct KeptImage {
    let sha256: [UInt8]
    let png: [UInt8]
    let keepUntil: Timestamp

    /// The table takes no larger one. Who decides must not fail for what could only be looked at.
    private static let largest = 16 << 20
    /// Bytes sent in one statement, unless a single image has more.
    private static let share = 8 << 20
    private static let day: Int64 = 86_400_000_000

    /// The patches that a batch keeps, in the order of their hashes: lanes that keep the same ones at the same time
    /// wait for each other, and never in a circle.
    static func of(_ predictions: [Prediction], at: Timestamp) -> [KeptImage] {
        var kept: [[UInt8]: KeptImage] = [:]
        for prediction in predictions {
            guard let days = prediction.selection?.keepImageDays, days > 0, prediction.job.png.count <= largest else {
                continue
            }
            let end = keepUntil(at: at, days: days)
            let sha256 = prediction.job.imageSHA256
            if let before = kept[sha256], before.keepUntil.microseconds >= end.microseconds { continue }
            kept[sha256] = KeptImage(sha256: sha256, png: prediction.job.png, keepUntil: end)
        }
        return kept.values.sorted { $0.sha256.lexicographicallyPrecedes($1.sha256) }
    }

    /// The end of that day (UTC): a patch that comes again and again is put off once a day, not with every batch.
    static func keepUntil(at: Timestamp, days: Int) -> Timestamp {
        let end = at.microseconds + Int64(days) * day
        return Timestamp(microseconds: (end + day - 1) / day * day)
    }

    /// Stores them, or keeps longer what is stored; the last of them with what comes next.
    static func insert(_ images: [KeptImage], _ connection: DatabaseConnection) throws {
        var rest = images[...]
        while !rest.isEmpty {
            var size = 0
            var part = rest.prefix { image in
                size += image.png.count
                return size <= share
            }
            if part.isEmpty { part = rest.prefix(1) }
            rest = rest.dropFirst(part.count)
            try connection.putOff(
                insertSQL,
                [
                    .bytesArray(part.map(\.sha256)), .bytesArray(part.map(\.png)),
                    .timestampArray(part.map(\.keepUntil)),
                ])
            if !rest.isEmpty { try connection.sendWaiting() }
        }
    }

    private static let insertSQL: SQL = """
        insert into sentinode.patch_images (image_sha256, png, keep_until)
        select * from unnest($1::bytea[], $2::bytea[], $3::timestamptz[])
        on conflict (image_sha256) do update set keep_until = greatest(patch_images.keep_until, excluded.keep_until)
        where patch_images.keep_until < excluded.keep_until
        """
}
