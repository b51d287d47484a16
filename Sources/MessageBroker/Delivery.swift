/// Names one delivery on one connection. A tag of an earlier connection is refused and never sent: on the new one the
/// same number would settle another message.
public struct DeliveryTag: Sendable, Hashable {
    let number: UInt64
    let generation: UInt64
}

/// One message as it was delivered; it stays with this consumer until it is acknowledged or rejected.
public struct Delivery: Sendable {
    public let tag: DeliveryTag
    /// The broker gave it out before, to anyone, and did not get an answer.
    public let redelivered: Bool
    /// How often it came back before (quorum queues' `x-delivery-count`).
    public let deliveryCount: Int?
    public let exchange: String
    public let routingKey: String
    public let properties: MessageProperties
    public let body: Body
}

/// What a message carries.
public enum Body: Sendable, Equatable {
    case bytes([UInt8])
    /// Larger than the consumer's limit: read through in pieces, hashed, and not kept.
    case oversized(size: UInt64, digest: [UInt8])
}

/// A hash that is fed the pieces of an oversized body in order.
public protocol BodyDigest {
    mutating func update(_ bytes: UnsafeRawBufferPointer) throws
    mutating func finalize() throws -> [UInt8]
}
