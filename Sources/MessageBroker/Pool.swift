import CRabbitMQ

/// Memory for what the library is given to send; everything made here lives until `recycle`.
final class Pool {
    private let pool: UnsafeMutablePointer<amqp_pool_t>

    init() {
        pool = .allocate(capacity: 1)
        init_amqp_pool(pool, 4096)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    func recycle() { recycle_amqp_pool(pool) }

    func bytes(_ source: some Collection<UInt8>) -> amqp_bytes_t {
        var copy = amqp_bytes_t(len: 0, bytes: nil)
        guard !source.isEmpty else { return copy }
        amqp_pool_alloc_bytes(pool, source.count, &copy)
        UnsafeMutableRawBufferPointer(start: copy.bytes, count: copy.len).copyBytes(from: source)
        return copy
    }

    func text(_ source: String) -> amqp_bytes_t { bytes(source.utf8) }

    /// A table as the library wants it, or nil where it cannot be written.
    func table(_ fields: [Field]) -> amqp_table_t? {
        guard !fields.contains(where: { $0.value.isTooDeep }) else { return nil }
        var writer = WireWriter()
        FieldTable.write(fields, to: &writer)
        var table = amqp_table_t(num_entries: 0, entries: nil)
        var offset = 0
        return amqp_decode_table(bytes(writer.bytes), pool, &table, &offset) == 0 ? table : nil
    }

    /// Properties from their encoded list, or nil where the list is broken.
    func properties(_ encoded: [UInt8]) -> UnsafePointer<amqp_basic_properties_t>? {
        var decoded: UnsafeMutableRawPointer?
        guard amqp_decode_properties(UInt16(AMQP_BASIC_CLASS), pool, bytes(encoded), &decoded) == 0 else { return nil }
        return UnsafePointer(decoded?.assumingMemoryBound(to: amqp_basic_properties_t.self))
    }
}

extension amqp_bytes_t {
    /// Text that the broker sent; what is not UTF-8 is repaired.
    var string: String { String(decoding: UnsafeRawBufferPointer(start: bytes, count: len), as: UTF8.self) }
}
