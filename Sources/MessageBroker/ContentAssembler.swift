/// Puts one message at a time together from its frames: method, header, pieces of the body (AMQP 0-9-1, 4.2.6).
///
/// The limit is applied to the size that the header announces, before any memory is taken.
struct ContentAssembler {
    /// A message as it came, with the method that began it.
    struct Content {
        let method: Method
        let properties: MessageProperties
        let body: Body
    }

    private enum Stage {
        case idle
        case announced(Method)
        case keeping(Method, MessageProperties, missing: UInt64)
        case hashing(Method, MessageProperties, size: UInt64, missing: UInt64)
    }

    private let bodyLimit: UInt64
    private let makeDigest: () throws -> any BodyDigest
    private let makeRelay: MakeRelay?
    private var stage = Stage.idle
    private var kept: [UInt8] = []
    private var digest: (any BodyDigest)?
    private var relay: MessageRelay?

    /// Sends a message with an oversized body on to where it is kept; called with the body's size and the properties.
    typealias MakeRelay = (UInt64, MessageProperties) throws(BrokerError) -> MessageRelay

    init(bodyLimit: Int, makeDigest: @escaping () throws -> any BodyDigest, makeRelay: MakeRelay? = nil) {
        self.bodyLimit = UInt64(max(bodyLimit, 0))
        self.makeDigest = makeDigest
        self.makeRelay = makeRelay
    }

    /// Whether a message has begun and not ended.
    var isUnderWay: Bool {
        if case .idle = stage { return false }
        return true
    }

    /// A deliver or return method: its content follows.
    mutating func begin(_ method: Method) throws(BrokerError) {
        guard case .idle = stage else { throw Self.disorder }
        stage = .announced(method)
    }

    mutating func header(bodySize: UInt64, properties: [UInt8]) throws(BrokerError) -> Content? {
        guard case .announced(let method) = stage else { throw Self.disorder }
        let properties = MessageProperties(wire: properties)
        if bodySize <= bodyLimit {
            kept = []
            kept.reserveCapacity(Int(bodySize))
            stage = .keeping(method, properties, missing: bodySize)
        } else {
            digest = try Self.hashing { try makeDigest() }
            relay = try makeRelay?(bodySize, properties)
            stage = .hashing(method, properties, size: bodySize, missing: bodySize)
        }
        return try finished()
    }

    mutating func piece(_ bytes: UnsafeRawBufferPointer) throws(BrokerError) -> Content? {
        let count = UInt64(bytes.count)
        switch stage {
        case .keeping(let method, let properties, let missing) where count <= missing:
            kept.append(contentsOf: bytes)
            stage = .keeping(method, properties, missing: missing - count)
        case .hashing(let method, let properties, let size, let missing) where count <= missing:
            try Self.hashing { try digest?.update(bytes) }
            try relay?.send(bytes)
            stage = .hashing(method, properties, size: size, missing: missing - count)
        case .idle, .announced, .keeping, .hashing: throw Self.disorder
        }
        return try finished()
    }

    private mutating func finished() throws(BrokerError) -> Content? {
        let content: Content
        switch stage {
        case .keeping(let method, let properties, missing: 0):
            content = Content(method: method, properties: properties, body: .bytes(kept))
        case .hashing(let method, let properties, let size, missing: 0):
            let value = try Self.hashing { try digest?.finalize() } ?? []
            try relay?.finish()
            content = Content(method: method, properties: properties, body: .oversized(size: size, digest: value))
        case .idle, .announced, .keeping, .hashing: return nil
        }
        (stage, kept, digest, relay) = (.idle, [], nil, nil)
        return content
    }

    private static func hashing<Value>(_ step: () throws -> Value) throws(BrokerError) -> Value {
        do {
            return try step()
        } catch {
            throw BrokerError(
                operation: "hash an oversized body", code: 0, message: String(describing: error), isTransient: false)
        }
    }

    private static var disorder: BrokerError {
        BrokerError(
            operation: "read a message", code: 505, message: "the broker sent frames out of order", isTransient: true)
    }
}
