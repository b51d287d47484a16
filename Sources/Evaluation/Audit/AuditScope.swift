public import Database
import Foundation

/// What is verified.
public enum AuditScope: Sendable {
    case everything
    /// Events from then on; each chain is anchored at its seal before.
    case since(Timestamp)
    /// The rows of one slide, with all that was sealed together with them; chains are not walked.
    case slide(String)

    /// Whether chains are followed from seal to seal.
    var walksChains: Bool {
        switch self {
        case .everything, .since: true
        case .slide: false
        }
    }

    /// Whether every row of every table belongs to it.
    var isWhole: Bool {
        switch self {
        case .everything: true
        case .since, .slide: false
        }
    }
}

/// Consecutive seals of one writer.
struct SealSpan: Sendable {
    let writer: UUID
    let first: Int64
    let last: Int64
}

/// A part of the trail that one worker verifies in one go, small enough to be held in memory.
enum AuditSlice: Sendable {
    /// From one position on, up to another, which is not part of it; nil is the end of the world.
    case range(from: EventPosition?, to: EventPosition?)
    case spans([SealSpan])

    /// The part of a table `t` whose rows stand here, as what comes behind `from table as t`.
    func clause(writer: SQL, seal: SQL) -> SQL {
        let place = "(t." + writer + ", t." + seal + ")"
        switch self {
        case .range(let from, let to):
            let bounds =
                (from.map { [place + " >= " + AuditSlice.literal($0)] } ?? [])
                + (to.map { [place + " < " + AuditSlice.literal($0)] } ?? [])
            return bounds.isEmpty ? "" : " where " + SQL.joined(bounds, separator: " and ")
        case .spans(let spans):
            return " join unnest(" + SQL.literal(spans.map(\.writer)) + ", " + SQL.literal(spans.map(\.first)) + ", "
                + SQL.literal(spans.map(\.last)) + ") as span (writer, first, last) on t." + writer
                + " = span.writer and t." + seal + " between span.first and span.last"
        }
    }

    private static func literal(_ position: EventPosition) -> SQL {
        "(" + SQL.literal(position.writer) + ", " + SQL.literal(position.seal) + ")"
    }
}
