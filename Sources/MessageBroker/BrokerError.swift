import CRabbitMQ

/// What went wrong at the broker: the AMQP reply code (403, 406, 530, ...) or, below zero, the client library's status.
///
/// The message is the broker's own text or a sentence that says what to do. It holds names of queues and hosts, and
/// never a password, a header or a body.
public struct BrokerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was being done, such as "connect to rabbit.example:5671" or "declare queue sentinode.patches".
    public let operation: String
    public let code: Int
    public let message: String
    /// True where the same call on a new connection may succeed without anyone changing anything.
    public let isTransient: Bool

    public init(operation: String, code: Int, message: String, isTransient: Bool) {
        self.operation = operation
        self.code = code
        self.message = message
        self.isTransient = isTransient
    }

    public var description: String { "cannot \(operation): \(message) (\(code))" }
}

/// What a connection is busy with: decides whether a refusal by the broker is worth another try.
enum Activity {
    case connecting(to: String)
    case declaring(String)
    case checking(String)
    case running(String)

    var operation: String {
        switch self {
        case .connecting(let address): "connect to \(address)"
        case .declaring(let what): "declare \(what)"
        case .checking(let what): "find \(what)"
        case .running(let what): what
        }
    }
}

extension BrokerError {
    /// The broker closed a channel or the connection with an AMQP reply code and text.
    init(_ activity: Activity, replyCode: UInt16, text: String) {
        let code = Int(replyCode)
        self.init(
            operation: activity.operation, code: code, message: Self.explain(activity, code: code, text: text),
            isTransient: Self.isTransient(activity, code: code, text: text))
    }

    /// AMQP 0-9-1 reply codes; 404 and 530 are also what RabbitMQ answers while a node or a vhost is down.
    private static func isTransient(_ activity: Activity, code: Int, text: String) -> Bool {
        let isOutage =
            text.contains("is down") || text.contains("inaccessible") || text.contains("limit")
            || text.contains("timeout") || text.contains("timed out")
        switch code {
        case 320, 405, 506, 541: return true
        case 404, 530: return isOutage
        case 406:
            // A running channel that the broker closed (consumer timeout, unknown tag) works again after a reconnect.
            if case .running = activity { return true }
            return isOutage
        default: return false
        }
    }

    private static func explain(_ activity: Activity, code: Int, text: String) -> String {
        switch (activity, code) {
        case (.declaring(let what), 406):
            "\(what) exists with other settings: \(text). RabbitMQ can neither change nor rename it: delete it when it "
                + "is empty, so that it is declared anew, or set SENTINODE_AMQP_DECLARE=passive to use it as it is"
        case (.checking(let what), 404):
            "\(what) does not exist: \(text). It has to be created, which programs do unless "
                + "SENTINODE_AMQP_DECLARE is passive"
        case (.connecting, 403):
            "the broker refused the user name or the password: \(text)"
        case (.connecting, 530):
            "the broker refused the virtual host: \(text). Check the path of the URL and the user's permissions"
        default: text
        }
    }

    /// The library gave up with `status`; `host` is named in what to do about certificates.
    init(_ activity: Activity, status: Int32, host: String) {
        let (message, isTransient) = Self.sentence(status, host: host)
        self.init(operation: activity.operation, code: Int(status), message: message, isTransient: isTransient)
    }

    private static func sentence(_ status: Int32, host: String) -> (String, isTransient: Bool) {
        switch status {
        case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED.code:
            ("the host name \(host) is not known to the resolver", true)
        case AMQP_STATUS_SOCKET_ERROR.code:
            ("nothing accepts the connection, or it broke off; check that the broker runs at this address", true)
        case AMQP_STATUS_CONNECTION_CLOSED.code, AMQP_STATUS_SOCKET_CLOSED.code:
            ("the broker closed the connection without saying why", true)
        case AMQP_STATUS_TIMEOUT.code:
            ("the broker did not answer in time", true)
        case AMQP_STATUS_HEARTBEAT_TIMEOUT.code:
            ("the broker has been silent for two heartbeats", true)
        case AMQP_STATUS_SSL_PEER_VERIFY_FAILED.code:
            (
                "the certificate of \(host) is not signed by a trusted authority, or has expired; give the right CA",
                false
            )
        case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.code:
            (
                "the certificate is not for \(host); use a DNS name that stands in it (addresses are not matched)",
                false
            )
        case AMQP_STATUS_SSL_CONNECTION_FAILED.code:
            ("the TLS handshake failed; check that this port speaks TLS, and whether it demands a certificate", false)
        case AMQP_STATUS_SSL_ERROR.code:
            ("TLS broke off; the broker may demand a client certificate", true)
        case AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD.code:
            ("the broker does not offer PLAIN logins", false)
        case AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION.code:
            ("the server does not speak AMQP 0-9-1", false)
        case AMQP_STATUS_BAD_AMQP_DATA.code:
            ("what came is not readable as AMQP 0-9-1; on connecting, check the port (TLS ports need amqps://)", true)
        default:
            (String(cString: amqp_error_string2(status)), true)
        }
    }
}

extension amqp_status_enum {
    /// The status as the library's functions return it.
    var code: Int32 { Int32(bitPattern: UInt32(truncatingIfNeeded: rawValue)) }
}
