import Glibc

/// Why a POST got no answer, and what to do about it. It names no address.
public enum PostError: Error, Sendable, Hashable {
    case unknownHost
    /// `errno` of the attempt.
    case unreachable(Int32)
    /// Why, in OpenSSL's words.
    case untrusted(String)
    case timedOut
    /// Without an answer.
    case closed
    case notHTTP
    /// `errno`, or 0 within TLS.
    case broken(Int32)

    /// Whether it failed before anything was sent: another POST would fare no better.
    public var isUnreachable: Bool {
        switch self {
        case .unknownHost, .unreachable, .untrusted: true
        case .timedOut, .closed, .notHTTP, .broken: false
        }
    }
}

extension PostError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownHost: "no such host is known: mend the address, or the name service"
        case .unreachable(let code):
            "it cannot be reached (\(Self.words(code))): is it running, and does a firewall let this through?"
        case .untrusted(let reason):
            "its certificate is not trusted (\(reason)): mend it, or add its authority to this system's"
        case .timedOut: "it did not answer in time: is it overloaded, or does a firewall drop this?"
        case .closed: "it closed the connection without an answer: its own log may say why"
        case .notHTTP: "it does not speak HTTP/1.1: mend the address"
        case .broken(0): "the encrypted connection broke: does it speak TLS 1.2 or later there?"
        case .broken(let code): "the connection broke (\(Self.words(code))): its own log may say why"
        }
    }

    private static func words(_ code: Int32) -> String { String(cString: strerror(code)) }
}
