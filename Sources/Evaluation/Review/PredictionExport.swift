public import Database
import Foundation

/// Writes predictions with people's answers to a file, as the login of its database connection sees them.
public final class PredictionExport {
    /// Rows fetched at once: memory stays the same however many there are.
    static let batch: SQL = "fetch 2000 from export"

    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings) throws {
        connection = try DatabaseConnection(settings)
    }

    /// The tiles of a slide as a GeoJSON FeatureCollection, in full-resolution pixels. Returns how many.
    ///
    /// `patchSide` is the side of a patch in these pixels; nil for 96 times 2 to the power of its level.
    public func geoJSON(slide: String, patchSide: Int32?, to file: ExportFile) throws -> Int64 {
        let row = try connection.query(
            """
            select text, json_array_length(text::json -> 'features')::bigint as tiles
            from review.export_geojson($1, $2) as text
            """, [.text(slide), .int4(patchSide)]
        ).onlyRow()
        let tiles = try row.int8("tiles")
        guard tiles > 0 else {
            throw OperationError("there is no patch with a position on this slide that you may read")
        }
        try file.write(row.text("text") + "\n")
        return tiles
    }

    /// The predictions of a slide, of a site, or decided since a time, as CSV (RFC 4180). Returns how many.
    ///
    /// - Throws: `OperationError` for a slide of which nothing may be read, before anything is written.
    public func csv(slide: String?, site: String?, since: Timestamp?, to file: ExportFile) throws -> Int64 {
        let parameters: [Parameter] = [.text(slide), .text(site), .timestamp(since)]
        // One snapshot for all batches, and no open transaction while a slow reader takes them.
        try connection.query(PredictionExport.cursorSQL, parameters)
        let header = try connection.query(PredictionExport.headerSQL, parameters).columns
        var rows = try connection.query(PredictionExport.batch)
        if rows.isEmpty, let slide, try !hasPatches(slide) {
            throw OperationError("there is no patch on this slide that you may read")
        }
        try file.write(PredictionExport.line(header))
        var count: Int64 = 0
        while !rows.isEmpty {
            let lines = try rows.map { PredictionExport.line(try $0.textArray("fields").map { $0 ?? "" }) }
            try file.write(lines.joined())
            count += Int64(rows.count)
            rows = try connection.query(PredictionExport.batch)
        }
        return count
    }

    /// Whether a slide is one of which the login may read something, whatever its site and time.
    private func hasPatches(_ slide: String) throws -> Bool {
        try connection.query(
            "select exists (select from review.predictions where slide_id = $1) as has_patches", [.text(slide)]
        ).onlyRow().bool("has_patches")
    }

    private static func line(_ fields: [String]) -> String {
        fields.map(CSVTable.quoted).joined(separator: ",") + "\r\n"
    }

    private static let headerSQL: SQL = "select * from review.export_csv($1, $2, $3) limit 0"

    /// Every column as PostgreSQL writes it in JSON: times as RFC 3339, numbers so that they are read back the same.
    private static let cursorSQL: SQL = """
        declare export no scroll cursor with hold for
        select (select array_agg(value order by place)
                from json_each_text(row_to_json(exported)) with ordinality as field (name, value, place)) as fields
        from review.export_csv($1, $2, $3) as exported
        """
}
