import Glibc

/// Where the broker is and how to log in; parsed once from an `amqp://` or `amqps://` URL.
public struct BrokerSettings: Sendable, CustomStringConvertible {
    public let host: String
    public let port: Int
    public let virtualHost: String
    public let user: String
    let password: String
    /// How TLS is spoken; nil for plain `amqp://`.
    let tls: TLS?
    /// Seconds; the broker may lower it.
    public let heartbeat: Int
    /// Seconds for the TCP connection, the TLS handshake and the login, each.
    public let connectTimeout: Double
    /// What the broker's management pages call this connection.
    public var connectionName: String

    struct TLS {
        /// PEM file of trusted authorities; nil means the system's bundle.
        let certificateAuthority: String?
        let clientCertificate: String?
        let clientKey: String?
    }

    /// Parses `amqp[s]://[user[:password]@][host][:port][/vhost]`, everything percent-encoded; no path, and `/` alone,
    /// mean the virtual host `/`.
    ///
    /// The errors never quote the URL, because it holds the password.
    public init(
        url: String, certificateAuthority: String? = nil, clientCertificate: String? = nil, clientKey: String? = nil,
        heartbeat: Int = 10, connectTimeout: Double = 10, connectionName: String
    ) throws(BrokerError) {
        let parts = try URLParts(url)
        host = parts.host
        port = parts.port
        virtualHost = parts.virtualHost
        user = parts.user
        password = parts.password
        self.heartbeat = min(max(heartbeat, 0), 3600)
        self.connectTimeout = connectTimeout.isFinite ? min(max(connectTimeout, 0.1), 600) : 10
        self.connectionName = connectionName
        if parts.isSecure {
            tls = TLS(
                certificateAuthority: certificateAuthority, clientCertificate: clientCertificate, clientKey: clientKey)
            guard (clientCertificate == nil) == (clientKey == nil) else {
                throw .settings("a client certificate and its key must be given together")
            }
        } else {
            tls = nil
            // Certificates with amqp:// would silently protect nothing.
            guard certificateAuthority == nil, clientCertificate == nil, clientKey == nil else {
                throw .settings("certificates are given but the URL is not amqps://")
            }
        }
        for path in [certificateAuthority, clientCertificate, clientKey].compactMap({ $0 }) {
            guard access(path, R_OK) == 0 else { throw .settings("the certificate file \(path) cannot be read") }
        }
    }

    /// `host:port`, an IPv6 address in brackets.
    var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Without the password.
    public var description: String {
        "\(tls == nil ? "amqp" : "amqps")://\(user)@\(address)\(virtualHost == "/" ? "" : "/" + virtualHost)"
    }
}

extension BrokerError {
    /// The settings are wrong: nothing was tried.
    static func settings(_ message: String) -> BrokerError {
        BrokerError(operation: "read the broker URL", code: 0, message: message, isTransient: false)
    }
}

extension BrokerSettings: CustomReflectable {
    /// Keeps the password out of dumps as well.
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
