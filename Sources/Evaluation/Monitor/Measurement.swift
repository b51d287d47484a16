import AuditTrail
import Database
import Foundation
import Monitoring

/// What can be said of a figure.
enum MeasurementState: String, Sendable {
    case ok, alarm
    /// There is nothing to compare it with.
    case shown
    /// Labels are still coming: it never alarms.
    case immature
    case notEnoughData = "not enough data"
    case notEnoughSlides = "not enough slides"
    case notEstimable = "not estimable"
    case noLocalReference = "no local reference"
    case notCalibrated = "not calibrated"
}

/// One figure of a window: a row of `monitor.measurements`.
struct Measurement: Sendable {
    var subject: Subject
    var metric: String
    /// How, where there is more than one way.
    var method = ""
    var value: Double?
    var interval: ConfidenceInterval?
    var patches: Int64 = 0
    var slides: Int?
    var reference: UUID?
    var threshold: Double?
    var state: MeasurementState
    var note: String?
}

/// A measurement and its window.
struct PlacedMeasurement: Sendable {
    let kind: String
    let start: Timestamp
    let end: Timestamp
    let figure: Measurement

    init(_ figure: Measurement, _ window: MonitorWindow) {
        kind = window.kind.rawValue
        start = window.start
        end = window.end
        self.figure = figure
    }

    /// Of a time that ends with the run, and of no window.
    init(_ figure: Measurement, from start: Timestamp, toNow now: Timestamp) {
        kind = PlacedMeasurement.now
        self.start = start
        end = now
        self.figure = figure
    }

    static let now = "now"
}

extension PlacedMeasurement {
    /// Stores them as a run's, numbered from 1.
    static func insert(_ all: [PlacedMeasurement], run: UUID, _ connection: DatabaseConnection) throws {
        for start in stride(from: 0, to: all.count, by: page) {
            let rows = all[start..<min(all.count, start + page)]
            let figures = rows.map(\.figure)
            _ = try connection.query(
                insertSQL,
                [
                    .uuid(run), .int4Array(rows.indices.map { Int32($0 + 1) }),
                    .textArray(figures.map(\.subject.version)), .textArray(rows.map(\.kind)),
                    .timestampArray(rows.map(\.start)), .timestampArray(rows.map(\.end)),
                    .textArray(figures.map(\.subject.segment.kind.rawValue)),
                    .textArray(figures.map(\.subject.segment.name)), .textArray(figures.map(\.metric)),
                    .textArray(figures.map(\.method)), .float8Array(figures.map(\.value)),
                    .float8Array(figures.map(\.interval?.lower)), .float8Array(figures.map(\.interval?.upper)),
                    .int8Array(figures.map(\.patches)), .int4Array(figures.map { $0.slides.map(Int32.init) }),
                    .uuidArray(figures.map(\.reference)), .float8Array(figures.map(\.threshold)),
                    .textArray(figures.map(\.state.rawValue)), .textArray(figures.map(\.note)),
                ])
        }
    }

    /// Rows that one statement stores.
    private static let page = 20_000

    private static let insertSQL: SQL = """
        insert into monitor.measurements (run_id, number, model_version, window_kind, window_start, window_end,
            segment_kind, segment, metric, method, value, ci_low, ci_high, n, slides, reference, threshold, state, note)
        select $1, * from unnest($2::integer[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::double precision[], $12::double precision[],
            $13::double precision[], $14::bigint[], $15::integer[], $16::uuid[], $17::double precision[], $18::text[],
            $19::text[])
        """

    /// SHA-256 over the rows in their order, each with its fields in the order of the columns: the same figures from the
    /// same data give the same digest.
    static func digest(_ all: [PlacedMeasurement], _ hash: Hash) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for row in all { bytes += row.encoded }
        return try hash.digest(of: bytes)
    }

    private var encoded: [UInt8] {
        func text(_ text: String) -> [UInt8] { number(Int64(text.utf8.count)) + Array(text.utf8) }
        func number(_ number: Int64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
        func double(_ value: Double?) -> [UInt8] { value.map { [1] + number(Int64(bitPattern: $0.bitPattern)) } ?? [0] }
        var bytes = text(figure.subject.version) + text(kind) + number(start.microseconds) + number(end.microseconds)
        bytes += text(figure.subject.segment.kind.rawValue) + text(figure.subject.segment.name)
        bytes += text(figure.metric) + text(figure.method)
        bytes += double(figure.value) + double(figure.interval?.lower) + double(figure.interval?.upper)
        bytes += number(figure.patches) + number(Int64(figure.slides ?? -1))
        bytes += text(figure.reference?.text ?? "") + double(figure.threshold) + text(figure.state.rawValue)
        return bytes + text(figure.note ?? "")
    }
}
