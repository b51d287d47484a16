import Database
import Foundation
import Monitoring

/// An acceptance reference as it was frozen: what later predictions of its version are compared with.
struct ReferenceProfile: Sendable {
    let id: UUID
    let version: String
    let start: Timestamp
    let end: Timestamp
    let frozenAt: Timestamp
    let patches: [ReferencePatch]
    /// What windows of a segment are compared with, of the segments that it has patches of.
    let standards: [Segment: DriftStandard]

    init(
        id: UUID, version: String, start: Timestamp, end: Timestamp, frozenAt: Timestamp, patches: [ReferencePatch]
    ) {
        (self.id, self.version, self.start, self.end, self.frozenAt) = (id, version, start, end, frozenAt)
        self.patches = patches
        var samples: [Segment: DriftSample] = [:]
        for patch in patches {
            for segment in patch.origin.segments { samples[segment, default: .empty].add(patch) }
        }
        standards = samples.mapValues { DriftStandard($0) }
    }

    /// The newest of a version, as of a time; nil where none was frozen.
    ///
    /// - Throws: `OperationError` where its patches are not those that were frozen.
    static func newest(of version: String, asOf: Timestamp, _ connection: DatabaseConnection) throws
        -> ReferenceProfile?
    {
        let rows = try connection.query(
            """
            select reference_id, window_start, window_end, frozen_at,
                patches_sha256 = monitor.digest_of_reference(reference_id) as is_whole
            from monitor.reference_profiles where model_version = $1 and in_force_from < $2
            order by in_force_from desc limit 1
            """, [.text(version), .timestamp(asOf)])
        guard let row = rows.first else { return nil }
        let id = try row.uuid("reference_id")
        guard try row.bool("is_whole") else {
            throw OperationError(
                "the patches of the acceptance reference \(id.text) are not those that were frozen: run `sentinode audit "
                    + "verify`, and freeze another with `sentinode monitor reference freeze`")
        }
        return ReferenceProfile(
            id: id, version: version, start: try row.timestamp("window_start"), end: try row.timestamp("window_end"),
            frozenAt: try row.timestamp("frozen_at"), patches: try ReferencePatch.all(of: id, connection))
    }

    /// The part of it that a segment is compared with.
    func patches(of segment: Segment) -> [ReferencePatch] {
        segment == .overall ? patches : patches.filter { $0.origin.segments.contains(segment) }
    }
}

/// One patch of a reference.
struct ReferencePatch: Sendable {
    /// Patches of one slide have the same number; 0 for no slide.
    let slide: Int
    let origin: Origin
    let isCalledTumor: Bool
    /// In the order of `MonitoredStatistic`.
    let figures: [Float]
    /// nil where it is not in a sample.
    var embedding: [Float]?

    fileprivate static func all(of reference: UUID, _ connection: DatabaseConnection) throws -> [ReferencePatch] {
        let query =
            "select slide, site, scanner, stain, is_called_tumor, " + MonitoredStatistic.columns
            + ", embedding from monitor.reference_patches where reference_id = $1 order by number"
        return try connection.query(query, [.uuid(reference)]).map { row in
            ReferencePatch(
                slide: Int(try row.int4("slide")),
                origin: Origin(
                    site: try row.optionalText("site") ?? "", scanner: try row.optionalText("scanner") ?? "",
                    stain: try row.optionalText("stain") ?? ""),
                isCalledTumor: try row.bool("is_called_tumor"),
                figures: try MonitoredStatistic.allCases.map { try row.optionalFloat4($0.columnName) ?? .nan },
                embedding: try row.optionalBytes("embedding")?.withUnsafeBytes { EmbeddingSample.unpacked($0) })
        }
    }
}
