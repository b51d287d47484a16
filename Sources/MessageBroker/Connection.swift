import CRabbitMQ
import Glibc

/// One AMQP connection with its socket, confined to one thread. A failure is final: every later call repeats it, and
/// the owner makes a new connection.
final class Connection {
    let settings: BrokerSettings
    let pool = Pool()
    /// What is being done, for errors.
    var activity: Activity
    /// The broker takes no messages at present (memory or disk alarm).
    private(set) var isBlocked = false
    private let state: amqp_connection_state_t
    private var failure: BrokerError?
    private var lastChannel: amqp_channel_t = 0

    /// Bounds every question to the broker, in seconds: declaring a quorum queue on a busy cluster takes a few.
    private let answerTime = 20.0
    /// What a stalled socket may take before a send gives up, in seconds.
    private let sendTime = 10.0

    /// Connects and logs in. Runs as long as the resolver needs, and at most three times `connectTimeout`.
    init(_ settings: BrokerSettings) throws(BrokerError) {
        self.settings = settings
        activity = .connecting(to: settings.address)
        guard let state = amqp_new_connection() else {
            throw BrokerError(activity, status: AMQP_STATUS_NO_MEMORY.code, host: settings.host)
        }
        self.state = state
        try openSocket(state)
        try logIn(state)
    }

    deinit { amqp_destroy_connection(state) }

    /// Accepts header frames beyond the agreed frame size: the broker adds death and delivery-count headers without
    /// looking at it, and a message that had filled its frame before would end every connection that receives it.
    /// Only for connections that publish nothing, because the limit also cuts what is sent.
    func acceptLargeHeaders() {
        amqp_tune_connection(
            state, amqp_get_channel_max(state), 8 * amqp_get_frame_max(state), amqp_get_heartbeat(state))
    }

    // MARK: Reading

    /// The next frame that is there already; nil when there is none yet. Sends heartbeats that are due.
    ///
    /// Throws when the broker closed the channel or the connection, and when it fell silent.
    func nextFrame() throws(BrokerError) -> Frame? {
        if let failure { throw failure }
        // Nothing of the last frame is in use any more: without this a large body would stay in memory to its end.
        amqp_maybe_release_buffers_on_channel(state, lastChannel)
        while true {
            var raw = amqp_frame_t()
            var noWait = timeval(tv_sec: 0, tv_usec: 0)
            let status = amqp_simple_wait_frame_noblock(state, &raw, &noWait)
            if status == AMQP_STATUS_TIMEOUT.code { return nil }
            try check(status)
            lastChannel = raw.channel
            guard let frame = Frame(raw) else { continue }
            guard case .method(let method) = frame else { return frame }
            switch method {
            case .channelClosed(let code, let text): throw closed(raw.channel, code, text)
            case .connectionClosed(let code, let text): throw closed(0, code, text)
            case .blocked(let flag): isBlocked = flag
            case .deliver, .returned, .acknowledged, .refused, .consumerCancelled, .queueDeclared, .other: return frame
            }
        }
    }

    /// Answers the broker's close, without which it would hold the channel's messages, and makes the failure final.
    private func closed(_ channel: amqp_channel_t, _ code: UInt16, _ text: String) -> BrokerError {
        if channel == 0 {
            var answer = amqp_connection_close_ok_t()
            amqp_send_method(state, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &answer)
        } else {
            var answer = amqp_channel_close_ok_t()
            amqp_send_method(state, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &answer)
        }
        return fail(BrokerError(activity, replyCode: code, text: text))
    }

    // MARK: Waiting

    enum Readiness { case ready, woken }

    /// Sleeps until the socket can be read (or, on request, written), `wake` can be read, or the deadline passes; at
    /// most a second, so that callers come back to `nextFrame` for heartbeats.
    func wait(until deadline: Deadline, forRoom: Bool = false, wake: Int32? = nil) throws(BrokerError) -> Readiness {
        let events = Int16(POLLIN) | (forRoom ? Int16(POLLOUT) : 0)
        var descriptors = [pollfd(fd: amqp_get_sockfd(state), events: events, revents: 0)]
        if let wake { descriptors.append(pollfd(fd: wake, events: Int16(POLLIN), revents: 0)) }
        let result = poll(&descriptors, nfds_t(descriptors.count), min(deadline.milliseconds, 1000))
        guard result >= 0 || errno == EINTR else { throw fail(AMQP_STATUS_SOCKET_ERROR.code) }
        return result > 0 && descriptors.count > 1 && descriptors[1].revents != 0 ? .woken : .ready
    }

    /// Whether the socket takes a frame without blocking now; a socket says so while a third of its buffer is free.
    var hasRoom: Bool {
        var descriptor = pollfd(fd: amqp_get_sockfd(state), events: Int16(POLLOUT), revents: 0)
        return poll(&descriptor, 1, 0) > 0 && descriptor.revents & Int16(POLLOUT) != 0
    }

    // MARK: Sending

    /// Sends one method once the socket has room. The library itself would wait for ever on a full socket.
    func send<Arguments>(
        _ id: amqp_method_number_t, _ arguments: Arguments, channel: amqp_channel_t = 1
    ) throws(BrokerError) {
        if let failure { throw failure }
        try waitForRoom()
        var arguments = arguments
        try check(withUnsafeMutablePointer(to: &arguments) { amqp_send_method(state, channel, id, $0) })
    }

    private func waitForRoom() throws(BrokerError) {
        let deadline = Deadline.after(sendTime)
        while !hasRoom {
            guard !deadline.hasPassed else { throw fail(AMQP_STATUS_TIMEOUT.code) }
            var descriptor = pollfd(fd: amqp_get_sockfd(state), events: Int16(POLLOUT), revents: 0)
            _ = poll(&descriptor, 1, 100)
        }
    }

    /// Until it is turned off again, small frames go out together instead of each in a packet of its own. Where the
    /// system refuses, they go out as before.
    func gather(_ isOn: Bool) {
        var value: Int32 = isOn ? 1 : 0
        setsockopt(amqp_get_sockfd(state), Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Sends a message that fits the room that `hasRoom` promises.
    func publish(
        _ message: OutgoingMessage, _ properties: UnsafePointer<amqp_basic_properties_t>
    ) throws(BrokerError) {
        if let failure { throw failure }
        let (exchange, routingKey) = (pool.text(message.exchange), pool.text(message.routingKey))
        try check(
            message.body.withUnsafeBytes { body in
                amqp_basic_publish(
                    state, 1, exchange, routingKey, message.mandatory ? 1 : 0, 0, properties,
                    amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress)))
            })
    }

    /// Sends the header of a message whose body follows in pieces.
    func sendHeader(bodySize: Int, _ properties: UnsafePointer<amqp_basic_properties_t>) throws(BrokerError) {
        try waitForRoom()
        var frame = amqp_frame_t()
        frame.frame_type = UInt8(AMQP_FRAME_HEADER)
        frame.channel = 1
        frame.payload.properties.class_id = UInt16(AMQP_BASIC_CLASS)
        frame.payload.properties.body_size = UInt64(bodySize)
        frame.payload.properties.decoded = UnsafeMutableRawPointer(mutating: properties)
        try check(amqp_send_frame(state, &frame))
    }

    func sendPiece(_ piece: ArraySlice<UInt8>) throws(BrokerError) {
        try check(
            piece.withUnsafeBytes { bytes in
                var frame = amqp_frame_t()
                frame.frame_type = UInt8(AMQP_FRAME_BODY)
                frame.channel = 1
                frame.payload.body_fragment.len = bytes.count
                frame.payload.body_fragment.bytes = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                return amqp_send_frame(state, &frame)
            })
    }

    /// The largest property list that one header frame carries.
    var propertiesLimit: Int { Int(amqp_get_frame_max(state)) - 20 }

    // MARK: Asking

    /// Sends a method and waits for its answer; other frames that come first go to `other`.
    @discardableResult
    func ask<Arguments>(
        _ id: amqp_method_number_t, _ arguments: Arguments, channel: amqp_channel_t = 1,
        other: (Frame) throws(BrokerError) -> Void = { (_) throws(BrokerError) in }
    ) throws(BrokerError) -> Method {
        try send(id, arguments, channel: channel)
        let deadline = Deadline.after(answerTime)
        while true {
            while let frame = try nextFrame() {
                // Every answer's number is its question's plus one (AMQP 0-9-1, "-ok" methods).
                switch frame {
                case .method(.other(let answer)) where answer == id + 1: return .other(answer)
                case .method(.queueDeclared(let messages, let consumers)) where id == AMQP_QUEUE_DECLARE_METHOD:
                    return .queueDeclared(messages: messages, consumers: consumers)
                default: try other(frame)
                }
            }
            guard !deadline.hasPassed else { throw fail(AMQP_STATUS_TIMEOUT.code) }
            _ = try wait(until: deadline)
        }
    }

    func openChannel(_ channel: amqp_channel_t = 1) throws(BrokerError) {
        try ask(AMQP_CHANNEL_OPEN_METHOD, amqp_channel_open_t(), channel: channel)
    }

    /// Says goodbye, which also makes sure that the broker has read everything before; bounded, and never throws:
    /// what was not settled comes back to the queue either way.
    func close() {
        guard failure == nil else { return }
        activity = .running("close")
        let goodbye = amqp_connection_close_t(
            reply_code: UInt16(AMQP_REPLY_SUCCESS), reply_text: pool.text("goodbye"), class_id: 0, method_id: 0)
        do throws(BrokerError) {
            try send(AMQP_CONNECTION_CLOSE_METHOD, goodbye, channel: 0)
            let deadline = Deadline.after(2)
            while !deadline.hasPassed {
                while let frame = try nextFrame() {
                    if case .method(.other(AMQP_CONNECTION_CLOSE_OK_METHOD)) = frame { return finish() }
                }
                _ = try wait(until: deadline)
            }
            finish()
        } catch {
            failure = error
        }
    }

    private func finish() {
        failure = BrokerError(
            operation: "use the connection", code: Int(AMQP_STATUS_CONNECTION_CLOSED.code),
            message: "it has been closed", isTransient: true)
    }

    // MARK: Failing

    private func check(_ status: Int32) throws(BrokerError) {
        guard status == AMQP_STATUS_OK.code else { throw fail(status) }
    }

    private func fail(_ status: Int32) -> BrokerError {
        fail(BrokerError(activity, status: status, host: settings.host))
    }

    /// Makes `error` final for this connection.
    func fail(_ error: BrokerError) -> BrokerError {
        failure = error
        return error
    }
}
