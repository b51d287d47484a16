/// An AMQP URL taken apart, after the "RabbitMQ URI specification".
struct URLParts {
    var isSecure: Bool
    var user = "guest"
    var password = "guest"
    var host = "localhost"
    var port: Int
    var virtualHost = "/"

    init(_ url: String) throws(BrokerError) {
        let rest: Substring
        if let plain = Self.drop("amqp://", from: url) {
            (isSecure, port, rest) = (false, 5672, plain)
        } else if let secure = Self.drop("amqps://", from: url) {
            (isSecure, port, rest) = (true, 5671, secure)
        } else {
            throw .settings("it must begin with amqp:// or amqps://")
        }
        guard !rest.contains("?"), !rest.contains("#") else {
            throw .settings("parameters after ? are not known, and ? and # in a password are written %3F and %23")
        }
        let authority = rest.prefix { $0 != "/" }
        try readPath(rest.dropFirst(authority.count))
        var address = authority
        if let at = authority.lastIndex(of: "@") {
            try readLogin(authority[..<at])
            address = authority[authority.index(after: at)...]
        }
        try readAddress(address)
    }

    private static func drop(_ scheme: String, from url: String) -> Substring? {
        url.lowercased().hasPrefix(scheme) ? url.dropFirst(scheme.count) : nil
    }

    private mutating func readPath(_ path: Substring) throws(BrokerError) {
        guard path.count > 1 else { return }
        guard !path.dropFirst().contains("/") else {
            throw .settings("the virtual host is one path segment; a / inside its name is written %2F")
        }
        virtualHost = try Self.decoded(path.dropFirst(), "virtual host")
    }

    private mutating func readLogin(_ login: Substring) throws(BrokerError) {
        guard !login.contains("@") else { throw .settings("an @ in the user name or password is written %40") }
        let name = login.prefix { $0 != ":" }
        user = try Self.decoded(name, "user name")
        password = name.count < login.count ? try Self.decoded(login.dropFirst(name.count + 1), "password") : ""
    }

    private mutating func readAddress(_ address: Substring) throws(BrokerError) {
        var portText: Substring = ""
        if address.hasPrefix("[") {
            guard let end = address.firstIndex(of: "]") else { throw .settings("the IPv6 address has no closing ]") }
            host = String(address[address.index(after: address.startIndex)..<end])
            portText = address[address.index(after: end)...]
            guard portText.isEmpty || portText.hasPrefix(":") else { throw .settings("what follows ] is not a port") }
        } else {
            let name = address.prefix { $0 != ":" }
            if !name.isEmpty { host = try Self.decoded(name, "host") }
            portText = address.dropFirst(name.count)
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace }) else { throw .settings("the host is missing") }
        guard portText.count > 1 else { return }
        guard let number = Int(portText.dropFirst()), (1...65535).contains(number) else {
            throw .settings("the port is not a number from 1 to 65535 (a / or : in a password is written %2F or %3A)")
        }
        port = number
    }

    /// Percent-decoded; refuses broken escapes, NUL and what is not UTF-8. `what` names the part, never its content.
    static func decoded(_ text: Substring, _ what: String) throws(BrokerError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            rest = rest.dropFirst(2)
            guard digits.count == 2, let hex = String(digits), hex.allSatisfy(\.isHexDigit),
                let value = UInt8(hex, radix: 16)
            else { throw .settings("a % in the \(what) is not followed by two hexadecimal digits; % is written %25") }
            bytes.append(value)
        }
        guard let result = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw .settings("the \(what) is not UTF-8 text")
        }
        return result
    }
}
