import Glibc

/// Why a POST got no answer, and what to do about it. It names no more of the address than the host.
public enum PostError: Error, Sendable, Hashable {
    case unknownHost
    /// `errno` of the attempt.
    case unreachable(Int32)
    /// Why, in libcurl's words.
    case untrusted(String)
    case notTLS
    case timedOut
    /// Without an answer.
    case closed
    case notHTTP
    /// How, in libcurl's words.
    case broken(String)

    /// Whether it failed before anything was sent: another POST would fare no better.
    public var isUnreachable: Bool {
        switch self {
        case .unknownHost, .unreachable, .untrusted, .notTLS: true
        case .timedOut, .closed, .notHTTP, .broken: false
        }
    }
}

extension PostError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownHost: "no such host is known: mend the address, or the name service"
        case .unreachable(let code):
            "it cannot be reached (\(String(cString: strerror(code)))): is it running, and does a firewall let this through?"
        case .untrusted(let reason):
            "its certificate is not trusted (\(reason)): mend it, or add its authority to this system's"
        case .notTLS: "no encrypted connection came about: does it speak TLS 1.2 or later there?"
        case .timedOut: "it did not answer in time: is it overloaded, or does a firewall drop this?"
        case .closed: "it closed the connection without an answer: its own log may say why"
        case .notHTTP: "it does not speak HTTP/1.1: mend the address"
        case .broken(let reason): "the connection broke (\(reason)): its own log may say why"
        }
    }
}
