import CTLS
import Glibc

/// TLS 1.2 or later, with a server whose certificate names the host and is signed by an authority that this system trusts.
///
/// A connection that the other side has closed raises SIGPIPE, which whoever uses this ignores.
final class TLSChannel: Channel {
    private let socket: Socket
    private let context: OpaquePointer
    private let session: OpaquePointer

    init(_ socket: Socket, host: String) throws(PostError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw .broken(0) }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        guard SSL_CTX_set_default_verify_paths(context) == 1,
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1,
            let session = SSL_new(context)
        else {
            SSL_CTX_free(context)
            throw .broken(0)
        }
        (self.socket, self.context, self.session) = (socket, context, session)
        guard SSL_set_fd(session, socket.descriptor) == 1, expect(host) else { throw .broken(0) }
        try shakeHands()
    }

    deinit {
        // The farewell; whether it arrives is all the same.
        SSL_shutdown(session)
        SSL_free(session)
        SSL_CTX_free(context)
    }

    /// What the certificate has to name. An address is no server name (RFC 6066, section 3).
    private func expect(_ host: String) -> Bool {
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1 { return true }
        return SSL_set1_host(session, host) == 1
            && host.withCString {
                SSL_ctrl(
                    session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
                    UnsafeMutableRawPointer(mutating: $0)) == 1
            }
    }

    private func shakeHands() throws(PostError) {
        while true {
            ERR_clear_error()
            let result = SSL_connect(session)
            if result == 1 { return }
            let verdict = SSL_get_verify_result(session)
            guard verdict == Int(X509_V_OK) else {
                throw .untrusted(String(cString: X509_verify_cert_error_string(verdict)))
            }
            try settle(result)
        }
    }

    func send(_ bytes: [UInt8]) throws(PostError) {
        var sent = 0
        while true {
            ERR_clear_error()
            let result = SSL_write_ex(session, bytes, bytes.count, &sent)
            if result == 1 { return }
            try settle(result)
        }
    }

    func receive() throws(PostError) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: pieceLength)
        var count = 0
        while true {
            ERR_clear_error()
            let result = SSL_read_ex(session, &piece, piece.count, &count)
            if result == 1 { return Array(piece.prefix(count)) }
            if SSL_get_error(session, result) == SSL_ERROR_ZERO_RETURN { return [] }
            try settle(result)
        }
    }

    /// Waits where a call only came too early.
    private func settle(_ result: Int32) throws(PostError) {
        switch SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ: try socket.wait(POLLIN)
        case SSL_ERROR_WANT_WRITE: try socket.wait(POLLOUT)
        default: throw .broken(0)
        }
    }
}
