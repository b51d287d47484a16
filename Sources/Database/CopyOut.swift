import CPostgres
public import Foundation

extension DatabaseConnection {
    /// Runs `COPY (query) TO STDOUT (FORMAT binary)` and gives each row to `body` as it comes: one is in memory at a time.
    ///
    /// What `body` throws ends the session, for the rest of the rows is not waited for.
    public func copyOut(_ query: SQL, _ body: (inout CopiedRow) throws -> Void) throws {
        let operation = "copying \"\(query.summary)\""
        try sendWaiting()
        let handle = try workingHandle(operation)
        guard PQsendQuery(handle, "COPY (\(query.text)) TO STDOUT (FORMAT binary)") == 1 else {
            throw DatabaseError(operation: operation, result: nil, handle: handle)
        }
        try expect(PGRES_COPY_OUT, operation, handle)
        do {
            try receiveRows(operation, handle, body)
        } catch {
            giveUpSession()
            throw error
        }
        try expect(PGRES_COMMAND_OK, operation, handle)
        while let extra = try nextResult(operation, silenceLimit: settings.silenceLimit) { PQclear(extra) }
    }

    /// Takes the next result, which must be this one.
    private func expect(_ status: ExecStatusType, _ operation: String, _ handle: OpaquePointer) throws(DatabaseError) {
        let result = try nextResult(operation, silenceLimit: settings.silenceLimit)
        defer { PQclear(result) }
        guard PQresultStatus(result) != status else { return }
        let error = DatabaseError(operation: operation, result: result, handle: handle)
        if error.isConnectionLost { giveUpSession() }
        // The mark that ends the statement's results.
        while isAlive, let extra = try nextResult(operation, silenceLimit: settings.silenceLimit) { PQclear(extra) }
        throw error
    }

    private func receiveRows(
        _ operation: String, _ handle: OpaquePointer, _ body: (inout CopiedRow) throws -> Void
    ) throws {
        var isFirst = true
        while true {
            var buffer: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(handle, &buffer, 1)
            switch count {
            case 0: try waitForInput(operation, silenceLimit: settings.silenceLimit)
            // The end, or an error, which the next result tells.
            case ..<0: return
            default:
                defer { PQfreemem(buffer) }
                let message = UnsafeRawBufferPointer(start: buffer, count: Int(count))
                // The first message begins with the file header; every message holds one row.
                var row = try CopiedRow(isFirst ? CopiedRow.withoutHeader(message) : message)
                isFirst = false
                if !row.isTrailer { try body(&row) }
            }
        }
    }
}

/// One row in PostgreSQL's binary COPY format, read field by field; valid only while it is handed out.
public struct CopiedRow {
    @usableFromInline var rest: UnsafeRawBufferPointer
    @usableFromInline var fieldsLeft: Int

    /// `PGCOPY\n\377\r\n\0`, flags, and the length of an extension.
    private static let headerSize = 19

    init(_ message: UnsafeRawBufferPointer) throws(DatabaseError) {
        guard message.count >= 2 else { throw CopiedRow.malformed }
        fieldsLeft = Int(Int16(bigEndian: message.loadUnaligned(as: Int16.self)))
        rest = UnsafeRawBufferPointer(rebasing: message[2...])
    }

    static func withoutHeader(_ message: UnsafeRawBufferPointer) throws(DatabaseError) -> UnsafeRawBufferPointer {
        guard message.count >= headerSize,
            message.prefix(11).elementsEqual([0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]),
            message.loadUnaligned(fromByteOffset: 15, as: UInt32.self) == 0
        else { throw malformed }
        return UnsafeRawBufferPointer(rebasing: message[headerSize...])
    }

    /// A count of -1 stands behind the last row.
    var isTrailer: Bool { fieldsLeft == -1 }

    /// Bytes that are left of it, in fields and the lengths before them.
    public var size: Int { rest.count }

    /// The next field as the type's send function wrote it; nil is NULL.
    @inlinable
    public mutating func next() throws(DatabaseError) -> UnsafeRawBufferPointer? {
        guard fieldsLeft > 0, rest.count >= 4, let start = rest.baseAddress else { throw CopiedRow.malformed }
        fieldsLeft -= 1
        let length = Int(Int32(bigEndian: start.loadUnaligned(as: Int32.self)))
        let size = 4 + max(0, length)
        guard rest.count >= size else { throw CopiedRow.malformed }
        rest = UnsafeRawBufferPointer(start: start + size, count: rest.count - size)
        return length < 0 ? nil : UnsafeRawBufferPointer(start: start + 4, count: length)
    }

    // Typed fields; nil is NULL, and a value of another size is an error.

    public mutating func bool() throws(DatabaseError) -> Bool? { try value() }
    public mutating func int4() throws(DatabaseError) -> Int32? { try value() }
    public mutating func int8() throws(DatabaseError) -> Int64? { try value() }
    public mutating func float4() throws(DatabaseError) -> Float? { try value() }
    public mutating func float8() throws(DatabaseError) -> Double? { try value() }
    public mutating func text() throws(DatabaseError) -> String? { try value() }
    public mutating func timestamp() throws(DatabaseError) -> Timestamp? { try value() }
    public mutating func uuid() throws(DatabaseError) -> UUID? { try value() }

    private mutating func value<Value: BinaryValue>() throws(DatabaseError) -> Value? {
        guard let bytes = try next() else { return nil }
        guard let value = Value.read(bytes, type: Value.type) else { throw CopiedRow.malformed }
        return value
    }

    @usableFromInline static var malformed: DatabaseError {
        DatabaseError(
            operation: "reading a copied row", sqlstate: "08P01", message: "it is not in the binary COPY format",
            isConnectionLost: true)
    }
}
