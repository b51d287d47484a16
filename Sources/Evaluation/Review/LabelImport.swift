public import Database
import Foundation

/// Stores labels that a reader gave elsewhere, as the login of its database connection.
public final class LabelImport {
    /// Labels stored by one call, at most 10,000; all calls stand in one transaction.
    private let chunk: Int
    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings, chunk: Int = 5000) throws {
        self.chunk = chunk
        connection = try DatabaseConnection(settings)
    }

    /// Looks at what a file says: CSV, or QuPath's GeoJSON of one slide. Nothing is stored.
    ///
    /// `patchSide` is the side of a patch in full-resolution pixels; nil for 96 times 2 to the power of its level.
    public func plan(file: String, reader: String, slide: String?, names: LabelNames, patchSide: Int64?) throws
        -> LabelPlan
    {
        do {
            return try LabelPlan(
                match(LabelImport.read(file), slide: slide, names: names, patchSide: patchSide), reader: reader,
                connection)
        } catch let error as OperationError {
            throw OperationError("\(file), \(error.description)")
        }
    }

    private func match(_ bytes: Data, slide: String?, names: LabelNames, patchSide: Int64?) throws -> LabelMatching {
        guard let slide else {
            return try LabelMatching(LabelTable(LabelImport.text(bytes), names: names), connection)
        }
        let regions = try LabelledRegions(QuPathFile(bytes), names: names)
        return try LabelMatching(regions, slide: slide, patchSide: patchSide, connection)
    }

    /// Stores what is new in the plan, all or none. Returns how many labels.
    public func store(_ plan: LabelPlan, reason: String, confidence: Int32?) throws -> Int {
        guard plan.foreignSites.isEmpty else {
            throw OperationError(
                "nothing was imported: the reader \(plan.reader) may not read the site "
                    + plan.foreignSites.joined(separator: ", ") + "; grant it with `sentinode reader add`")
        }
        let rows = plan.toStore
        try connection.transaction { connection in
            for start in stride(from: 0, to: rows.count, by: chunk) {
                let some = rows[start..<min(start + chunk, rows.count)]
                try connection.query(
                    "select review.import_labels($1, $2, $3, $4, $5)",
                    [
                        .text(plan.reader), .uuidArray(some.map(\.job)), .textArray(some.map(\.label.rawValue)),
                        .text(reason), .int4(confidence),
                    ])
            }
        }
        return rows.count
    }

    private static func read(_ file: String) throws(OperationError) -> Data {
        do {
            return try Data(contentsOf: URL(filePath: file))
        } catch {
            throw OperationError("it cannot be read")
        }
    }

    private static func text(_ bytes: Data) throws(OperationError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw OperationError("it is not UTF-8 text") }
        return text
    }
}
