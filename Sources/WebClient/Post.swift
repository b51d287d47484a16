/// A POST over HTTP/1.1. Redirects are not followed, and proxies not used.
public struct Post: Sendable {
    public let isEncrypted: Bool
    /// A name, or an address without brackets.
    public let host: String
    public let port: UInt16
    /// Path and query, percent-encoded.
    public let target: String
    /// A file of certificates to trust beside the system's; nil for these alone.
    public var authorities: String?
    public var headers: [(name: String, value: String)] = []
    public var body: [UInt8] = []

    public init(isEncrypted: Bool, host: String, port: UInt16, target: String) {
        self.isEncrypted = isEncrypted
        self.host = host
        self.port = port
        self.target = target
    }

    /// Sends it; the status of the answer, of which nothing is kept.
    ///
    /// - Parameter seconds: longest time for everything but the resolution of the name, which has the system's own limits.
    public func send(within seconds: Double) throws(PostError) -> Int {
        let transfer = try Transfer(self, within: seconds)
        return try transfer.run()
    }

    var address: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(isEncrypted ? "https" : "http")://\(name):\(port)\(target)"
    }
}
