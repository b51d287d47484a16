import CRabbitMQ

/// One frame that concerns a channel's user; what concerns the connection is settled before.
enum Frame {
    case method(Method)
    /// Announces a body of so many bytes, with the encoded property list.
    case header(bodySize: UInt64, properties: [UInt8])
    /// A piece of a body, valid until the next frame is read.
    case body(UnsafeRawBufferPointer)
}

/// The methods that a broker sends to a consumer or publisher.
enum Method {
    case deliver(tag: UInt64, redelivered: Bool, exchange: String, routingKey: String)
    case returned(code: Int, text: String, exchange: String, routingKey: String)
    case acknowledged(tag: UInt64, multiple: Bool)
    case refused(tag: UInt64, multiple: Bool)
    /// The broker ended the consumer: its queue is gone or changed its leader.
    case consumerCancelled
    case queueDeclared(messages: Int, consumers: Int)
    /// The plain answer to what was asked, or something that nobody asked for.
    case other(amqp_method_number_t)
    case channelClosed(code: UInt16, text: String)
    case connectionClosed(code: UInt16, text: String)
    case blocked(Bool)
}

extension Frame {
    /// Copies what is needed out of the library's memory, but for pieces of bodies; nil for kinds that are ignored.
    init?(_ frame: amqp_frame_t) {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            guard let method = Method(frame.payload.method) else { return nil }
            self = .method(method)
        case AMQP_FRAME_HEADER:
            let raw = frame.payload.properties.raw
            self = .header(
                bodySize: frame.payload.properties.body_size,
                properties: Array(UnsafeRawBufferPointer(start: raw.bytes, count: raw.len)))
        case AMQP_FRAME_BODY:
            let piece = frame.payload.body_fragment
            self = .body(UnsafeRawBufferPointer(start: piece.bytes, count: piece.len))
        default: return nil
        }
    }
}

extension Method {
    /// nil where the library decoded nothing.
    init?(_ method: amqp_method_t) {
        guard let decoded = method.decoded else { return nil }
        switch method.id {
        case AMQP_BASIC_DELIVER_METHOD:
            let deliver = decoded.load(as: amqp_basic_deliver_t.self)
            self = .deliver(
                tag: deliver.delivery_tag, redelivered: deliver.redelivered != 0, exchange: deliver.exchange.string,
                routingKey: deliver.routing_key.string)
        case AMQP_BASIC_RETURN_METHOD:
            let back = decoded.load(as: amqp_basic_return_t.self)
            self = .returned(
                code: Int(back.reply_code), text: back.reply_text.string, exchange: back.exchange.string,
                routingKey: back.routing_key.string)
        case AMQP_BASIC_ACK_METHOD:
            let ack = decoded.load(as: amqp_basic_ack_t.self)
            self = .acknowledged(tag: ack.delivery_tag, multiple: ack.multiple != 0)
        case AMQP_BASIC_NACK_METHOD:
            let nack = decoded.load(as: amqp_basic_nack_t.self)
            self = .refused(tag: nack.delivery_tag, multiple: nack.multiple != 0)
        case AMQP_BASIC_CANCEL_METHOD: self = .consumerCancelled
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            let queue = decoded.load(as: amqp_queue_declare_ok_t.self)
            self = .queueDeclared(messages: Int(queue.message_count), consumers: Int(queue.consumer_count))
        default: self.init(connectionMethod: method.id, decoded)
        }
    }

    private init(connectionMethod id: amqp_method_number_t, _ decoded: UnsafeMutableRawPointer) {
        switch id {
        case AMQP_CHANNEL_CLOSE_METHOD:
            let close = decoded.load(as: amqp_channel_close_t.self)
            self = .channelClosed(code: close.reply_code, text: close.reply_text.string)
        case AMQP_CONNECTION_CLOSE_METHOD:
            let close = decoded.load(as: amqp_connection_close_t.self)
            self = .connectionClosed(code: close.reply_code, text: close.reply_text.string)
        case AMQP_CONNECTION_BLOCKED_METHOD: self = .blocked(true)
        case AMQP_CONNECTION_UNBLOCKED_METHOD: self = .blocked(false)
        default: self = .other(id)
        }
    }
}
