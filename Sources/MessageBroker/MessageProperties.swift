/// The properties of an AMQP message (class basic).
///
/// Short strings that are not UTF-8 arrive repaired with U+FFFD and set `malformedText`; only the correlation id, which
/// an answer must echo, is then kept as bytes too.
public struct MessageProperties: Sendable, Equatable {
    public var contentType: String?
    public var contentEncoding: String?
    /// 1 transient, 2 persistent.
    public var deliveryMode: UInt8?
    public var priority: UInt8?
    public var correlationID: String?
    /// The correlation id where it is not UTF-8; goes out in place of `correlationID`.
    public var correlationIDBytes: [UInt8]?
    public var replyTo: String?
    /// Milliseconds, as the text that AMQP wants.
    public var expiration: String?
    public var messageID: String?
    /// Seconds since 1970.
    public var timestamp: UInt64?
    public var type: String?
    /// The broker refuses any but the login's own name (406, which closes the channel).
    public var userID: String?
    public var appID: String?
    public var headers: [Field]
    /// A short string or a header name was not UTF-8, or the property list could not be read to its end.
    public private(set) var malformedText = false

    public init(
        contentType: String? = nil, contentEncoding: String? = nil, deliveryMode: UInt8? = nil, priority: UInt8? = nil,
        correlationID: String? = nil, correlationIDBytes: [UInt8]? = nil, replyTo: String? = nil,
        expiration: String? = nil, messageID: String? = nil, timestamp: UInt64? = nil, type: String? = nil,
        userID: String? = nil, appID: String? = nil, headers: [Field] = []
    ) {
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.deliveryMode = deliveryMode
        self.priority = priority
        self.correlationID = correlationID
        self.correlationIDBytes = correlationIDBytes
        self.replyTo = replyTo
        self.expiration = expiration
        self.messageID = messageID
        self.timestamp = timestamp
        self.type = type
        self.userID = userID
        self.appID = appID
        self.headers = headers
    }

    /// Properties with nothing but the headers that `encodedHeaders()` once gave.
    public init(encodedHeaders: [UInt8]) throws(BrokerError) {
        self.init()
        var reader = WireReader(encodedHeaders[...])
        guard let fields = FieldTable.read(&reader), reader.isAtEnd else {
            throw BrokerError(
                operation: "read stored headers", code: 502, message: "the bytes are not an AMQP table",
                isTransient: false)
        }
        headers = fields
        malformedText = reader.repairedText
    }

    /// Properties from the list that `encodedList()` once gave.
    public init(encodedList: [UInt8]) { self.init(wire: encodedList) }

    /// All but the headers, as an AMQP property list. A text that was repaired and no longer fits is cut.
    public func encodedList() -> [UInt8] {
        var list = self
        list.headers = []
        return list.encoded()
    }

    /// The headers as an AMQP table with its length in front. Fields that came from a broker and were not changed are
    /// written byte for byte as they came, whatever they nest.
    public func encodedHeaders() -> [UInt8] {
        var writer = WireWriter()
        FieldTable.write(headers, to: &writer)
        return writer.bytes
    }

    /// The first header of this name.
    public func header(_ name: String) -> FieldValue? { headers.first { $0.name == name }?.value }
}

// MARK: - The property list on the wire

extension MessageProperties {
    /// Reads the list as it stands in a content header: flags, then the properties present, in the order of the flags.
    init(wire: [UInt8]) {
        self.init()
        var reader = WireReader(wire[...])
        malformedText = !read(&reader) || reader.repairedText
    }

    /// False where the list ends early or has more flags than class basic.
    private mutating func read(_ reader: inout WireReader) -> Bool {
        guard let flags = reader.integer(UInt16.self), flags & 1 == 0 else { return false }
        var isWhole = true
        func field<T>(_ bit: UInt16, _ value: (inout WireReader) -> T?) -> T? {
            guard isWhole, flags & (1 << bit) != 0 else { return nil }
            let result = value(&reader)
            isWhole = result != nil
            return result
        }
        contentType = field(15) { $0.shortText() }
        contentEncoding = field(14) { $0.shortText() }
        headers = field(13) { FieldTable.read(&$0) } ?? []
        deliveryMode = field(12) { $0.integer(UInt8.self) }
        priority = field(11) { $0.integer(UInt8.self) }
        let correlation = field(10) { $0.shortBytes() }
        replyTo = field(9) { $0.shortText() }
        expiration = field(8) { $0.shortText() }
        messageID = field(7) { $0.shortText() }
        timestamp = field(6) { $0.integer(UInt64.self) }
        type = field(5) { $0.shortText() }
        userID = field(4) { $0.shortText() }
        appID = field(3) { $0.shortText() }
        return readCorrelation(correlation) && isWhole
    }

    /// False where the correlation id is not UTF-8.
    private mutating func readCorrelation(_ bytes: ArraySlice<UInt8>?) -> Bool {
        guard let bytes else { return true }
        correlationID = String(decoding: bytes, as: UTF8.self)
        guard String(validating: bytes, as: UTF8.self) == nil else { return true }
        correlationIDBytes = Array(bytes)
        return false
    }

    /// The list as a content header carries it.
    func encoded() -> [UInt8] {
        var flags: UInt16 = 0
        var writer = WireWriter()
        func field<T>(_ bit: UInt16, _ value: T?, _ write: (T, inout WireWriter) -> Void) {
            guard let value else { return }
            flags |= 1 << bit
            write(value, &writer)
        }
        func text(_ value: some Collection<UInt8>, _ writer: inout WireWriter) { writer.shortBytes(value) }
        field(15, contentType?.utf8, text)
        field(14, contentEncoding?.utf8, text)
        field(13, headers.isEmpty ? nil : headers) { FieldTable.write($0, to: &$1) }
        field(12, deliveryMode) { $1.integer($0) }
        field(11, priority) { $1.integer($0) }
        field(10, correlationIDBytes ?? correlationID.map { Array($0.utf8) }, text)
        field(9, replyTo?.utf8, text)
        field(8, expiration?.utf8, text)
        field(7, messageID?.utf8, text)
        field(6, timestamp) { $1.integer($0) }
        field(5, type?.utf8, text)
        field(4, userID?.utf8, text)
        field(3, appID?.utf8, text)
        var whole = WireWriter()
        whole.integer(flags)
        whole.append(writer.bytes)
        return whole.bytes
    }

    /// Why the wire cannot carry these properties, or nil. `encoded` is what `encoded()` gave.
    func fault(encoded: [UInt8], limit: Int) -> String? {
        let texts: [(String, Int?)] = [
            ("content type", contentType?.utf8.count), ("content encoding", contentEncoding?.utf8.count),
            ("correlation id", correlationIDBytes?.count ?? correlationID?.utf8.count),
            ("reply-to", replyTo?.utf8.count), ("expiration", expiration?.utf8.count),
            ("message id", messageID?.utf8.count), ("type", type?.utf8.count), ("user id", userID?.utf8.count),
            ("app id", appID?.utf8.count),
        ]
        if let long = texts.first(where: { ($0.1 ?? 0) > 255 }) { return "the \(long.0) is longer than 255 bytes" }
        if headers.contains(where: { $0.wire.bytes == nil && $0.name.utf8.count > 255 }) {
            return "a header name is longer than 255 bytes"
        }
        if headers.contains(where: { $0.value.isTooDeep }) {
            return "a header nests deeper than \(FieldValue.deepestLevel) levels"
        }
        return encoded.count > limit ? "the headers take more than \(limit) bytes" : nil
    }
}
