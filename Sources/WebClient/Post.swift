/// A POST over HTTP/1.1, on a connection of its own. Redirects are not followed, and proxies not used.
public struct Post: Sendable {
    public let isEncrypted: Bool
    /// A name, or an address without brackets.
    public let host: String
    public let port: UInt16
    /// Path and query, percent-encoded.
    public let target: String
    public var headers: [(name: String, value: String)] = []
    public var body: [UInt8] = []

    /// Bytes that are read for the status at most.
    private static let longestHead = 16_384

    public init(isEncrypted: Bool, host: String, port: UInt16, target: String) {
        self.isEncrypted = isEncrypted
        self.host = host
        self.port = port
        self.target = target
    }

    /// Sends it; the status of the answer, of which nothing more is read.
    ///
    /// - Parameter seconds: longest time for everything but the resolution of the name, which has the system's own limits.
    public func send(within seconds: Double) throws(PostError) -> Int {
        let socket = try Socket(host: host, port: port, within: seconds)
        let channel: any Channel = isEncrypted ? try TLSChannel(socket, host: host) : PlainChannel(socket)
        try channel.send(message)
        var head: [UInt8] = []
        while head.count < Post.longestHead {
            let bytes = try channel.receive()
            guard !bytes.isEmpty else { throw head.isEmpty ? .closed : .notHTTP }
            head += bytes
            if let status = try Post.status(in: head) { return status }
        }
        throw .notHTTP
    }

    private var message: [UInt8] {
        let name = host.contains(":") ? "[\(host)]" : host
        let usual: UInt16 = isEncrypted ? 443 : 80
        let lines =
            [
                "POST \(target) HTTP/1.1", "host: \(name)\(port == usual ? "" : ":\(port)")", "connection: close",
                "content-length: \(body.count)",
            ]
            + headers.map { "\($0.name): \($0.value)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    /// The status of the final answer; nil while its line is not there to the end. Interim answers (1xx) are passed over.
    static func status(in head: [UInt8]) throws(PostError) -> Int? {
        var isInterim = false
        for line in head.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
            if isInterim {
                isInterim = line != [UInt8(ascii: "\r")]
                continue
            }
            let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            guard words.count > 1, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3, let status = Int(words[1]),
                (100..<600).contains(status)
            else { throw .notHTTP }
            if status >= 200 { return status }
            isInterim = true
        }
        return nil
    }
}
