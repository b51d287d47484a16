import CRabbitMQ
import Glibc

extension Connection {
    /// Where systems keep the trusted authorities: Debian and Ubuntu, Red Hat, Alpine.
    private static let systemAuthorities = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
    ]
    /// Frames as large as RabbitMQ allows: header tables must fit in one.
    private static let largestFrame: Int32 = 131_072

    /// Opens the TCP connection, and TLS on it.
    func openSocket(_ state: amqp_connection_state_t) throws(BrokerError) {
        let socket = settings.tls == nil ? amqp_tcp_socket_new(state) : amqp_ssl_socket_new(state)
        guard let socket else { throw failure(AMQP_STATUS_NO_MEMORY) }
        if let tls = settings.tls { try prepare(tls, on: socket) }
        var patience = timeval(seconds: settings.connectTimeout)
        let status = amqp_socket_open_noblock(socket, settings.host, Int32(settings.port), &patience)
        guard status == AMQP_STATUS_OK.code else {
            throw fail(BrokerError(activity, status: status, host: settings.host))
        }
        bound(amqp_get_sockfd(state))
    }

    private func prepare(_ tls: BrokerSettings.TLS, on socket: OpaquePointer) throws(BrokerError) {
        sentinode_amqp_never_ask_for_key_password(socket)
        amqp_ssl_socket_set_verify_peer(socket, 1)
        amqp_ssl_socket_set_verify_hostname(socket, 1)
        let readable = Self.systemAuthorities.first { access($0, R_OK) == 0 }
        guard let authority = tls.certificateAuthority ?? readable else {
            throw certificateError("the system has no certificate bundle; install ca-certificates or name a CA file")
        }
        // The library loads no authorities by itself, and says so only later, as a refused certificate.
        guard amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) == AMQP_STATUS_OK.code,
            amqp_ssl_socket_set_cacert(socket, authority) == AMQP_STATUS_OK.code
        else { throw certificateError("\(authority) holds no usable PEM certificates") }
        guard let certificate = tls.clientCertificate, let key = tls.clientKey else { return }
        guard amqp_ssl_socket_set_key(socket, certificate, key) == AMQP_STATUS_OK.code else {
            throw certificateError(
                "the client certificate \(certificate) and key \(key) are not a pair of unencrypted PEM files")
        }
    }

    private func certificateError(_ message: String) -> BrokerError {
        fail(
            BrokerError(
                operation: activity.operation, code: Int(AMQP_STATUS_SSL_ERROR.code), message: message,
                isTransient: false))
    }

    private func failure(_ status: amqp_status_enum) -> BrokerError {
        fail(BrokerError(activity, status: status.code, host: settings.host))
    }

    /// A peer that stops taking data ends the connection within 30 s. The send buffer has a fixed size: a third of it,
    /// which is what "writable" promises, then holds any single frame.
    private func bound(_ socket: Int32) {
        func set(_ level: Int32, _ option: Int32, _ value: Int32) {
            var value = value
            setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
        set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 30_000)
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        set(SOL_SOCKET, SO_SNDBUF, 1 << 20)
    }

    /// AMQP handshake: PLAIN login, tuning, and the virtual host.
    func logIn(_ state: amqp_connection_state_t) throws(BrokerError) {
        var patience = timeval(seconds: settings.connectTimeout)
        amqp_set_handshake_timeout(state, &patience)
        guard var properties = pool.table(clientProperties) else { throw failure(AMQP_STATUS_TABLE_TOO_BIG) }
        let reply = sentinode_amqp_login(
            state, settings.virtualHost, 0, Self.largestFrame, Int32(settings.heartbeat), &properties, settings.user,
            settings.password)
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: break
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            guard case .connectionClosed(let code, let text)? = Method(reply.reply) else {
                throw failure(AMQP_STATUS_CONNECTION_CLOSED)
            }
            throw fail(BrokerError(activity, replyCode: code, text: text))
        default: throw fail(BrokerError(activity, status: reply.library_error, host: settings.host))
        }
        pool.recycle()
    }

    /// What the broker is told: without these capabilities it neither reports a deleted queue nor a blocked connection.
    private var clientProperties: [Field] {
        [
            Field("product", .text("sentinode")),
            Field("connection_name", .text(settings.connectionName)),
            Field(
                "capabilities",
                .table(
                    [
                        "connection.blocked", "consumer_cancel_notify", "basic.nack", "publisher_confirms",
                        "authentication_failure_close",
                    ].map { Field($0, .bool(true)) })),
        ]
    }
}

extension timeval {
    init(seconds: Double) {
        self.init(tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1_000_000))
    }
}
