public import Database
import Foundation

/// Where a patch comes from, as its sender says. Everything is optional.
public struct PatchMetadata: Sendable, Equatable {
    public var slideID: String?
    /// Left edge on the slide, full-resolution pixels.
    public var x: Int64?
    /// Top edge on the slide, full-resolution pixels.
    public var y: Int64?
    public var level: Int16?
    /// Micrometres a pixel.
    public var mpp: Double?
    public var site: String?
    public var scanner: String?
    public var stain: String?
    public var casePseudonym: String?
    public var enqueuedAt: Timestamp?

    public init() {}
}

/// One patch that somebody wants decided.
struct Job: Sendable {
    let id: UUID
    let messageID: String?
    let sender: String?
    let metadata: PatchMetadata
    /// Other headers, as a JSON object; nil when there are none.
    let attributes: String?
    /// Headers left out of `attributes`: not on the list of allowed names, or over the limit.
    let attributesDropped: Int
    let png: [UInt8]
    let imageSHA256: [UInt8]
}

/// Where an answer goes, beside the exchange of events.
struct ReplyAddress: Sendable, Equatable {
    let queue: String
    let correlationID: String?
    /// The correlation id where it is not UTF-8: it is echoed as it came.
    let correlationIDBytes: [UInt8]?
}
