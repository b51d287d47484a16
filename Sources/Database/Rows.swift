import CPostgres
public import FoundationEssentials

/// What a statement gave back, as PostgreSQL sent it; values are read from it on demand.
public struct Rows: RandomAccessCollection {
    let result: Result

    init(_ result: Result) {
        self.result = result
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { result.rowCount }
    public subscript(position: Int) -> Row { Row(result: result, number: position) }

    /// The names of the columns, in order.
    public var columns: [String] { result.names }

    /// How many rows were inserted, updated, deleted or selected.
    public var affected: Int { result.affected }

    /// The row of a statement that gives exactly one.
    public func onlyRow() throws(DatabaseError) -> Row {
        guard count == 1 else {
            throw DatabaseError(
                operation: "reading one row", sqlstate: "21000", message: "\(count) rows came instead of one")
        }
        return self[0]
    }
}

/// One row; reading a column as another type, or NULL as a value, is an error of the program and throws.
public struct Row {
    let result: Rows.Result
    let number: Int

    public func isNull(_ column: String) throws(DatabaseError) -> Bool {
        result.isNull(row: number, column: try result.position(of: column))
    }

    public func bool(_ column: String) throws(DatabaseError) -> Bool { try value(column) }
    public func int2(_ column: String) throws(DatabaseError) -> Int16 { try value(column) }
    public func int4(_ column: String) throws(DatabaseError) -> Int32 { try value(column) }
    public func int8(_ column: String) throws(DatabaseError) -> Int64 { try value(column) }
    public func float4(_ column: String) throws(DatabaseError) -> Float { try value(column) }
    public func float8(_ column: String) throws(DatabaseError) -> Double { try value(column) }
    /// Also json, jsonb and enumerations, as their text.
    public func text(_ column: String) throws(DatabaseError) -> String { try value(column) }
    public func bytes(_ column: String) throws(DatabaseError) -> [UInt8] { try value(column) }
    public func uuid(_ column: String) throws(DatabaseError) -> UUID { try value(column) }
    public func timestamp(_ column: String) throws(DatabaseError) -> Timestamp { try value(column) }

    public func optionalBool(_ column: String) throws(DatabaseError) -> Bool? { try optional(column) }
    public func optionalInt2(_ column: String) throws(DatabaseError) -> Int16? { try optional(column) }
    public func optionalInt4(_ column: String) throws(DatabaseError) -> Int32? { try optional(column) }
    public func optionalInt8(_ column: String) throws(DatabaseError) -> Int64? { try optional(column) }
    public func optionalFloat4(_ column: String) throws(DatabaseError) -> Float? { try optional(column) }
    public func optionalFloat8(_ column: String) throws(DatabaseError) -> Double? { try optional(column) }
    public func optionalText(_ column: String) throws(DatabaseError) -> String? { try optional(column) }
    public func optionalBytes(_ column: String) throws(DatabaseError) -> [UInt8]? { try optional(column) }
    public func optionalUUID(_ column: String) throws(DatabaseError) -> UUID? { try optional(column) }
    public func optionalTimestamp(_ column: String) throws(DatabaseError) -> Timestamp? { try optional(column) }

    public func boolArray(_ column: String) throws(DatabaseError) -> [Bool?] { try array(column) }
    public func int2Array(_ column: String) throws(DatabaseError) -> [Int16?] { try array(column) }
    public func int4Array(_ column: String) throws(DatabaseError) -> [Int32?] { try array(column) }
    public func int8Array(_ column: String) throws(DatabaseError) -> [Int64?] { try array(column) }
    public func float4Array(_ column: String) throws(DatabaseError) -> [Float?] { try array(column) }
    public func float8Array(_ column: String) throws(DatabaseError) -> [Double?] { try array(column) }
    public func textArray(_ column: String) throws(DatabaseError) -> [String?] { try array(column) }
    public func bytesArray(_ column: String) throws(DatabaseError) -> [[UInt8]?] { try array(column) }
    public func uuidArray(_ column: String) throws(DatabaseError) -> [UUID?] { try array(column) }
    public func timestampArray(_ column: String) throws(DatabaseError) -> [Timestamp?] { try array(column) }
}

extension Row {
    private func value<Value: BinaryValue>(_ column: String) throws(DatabaseError) -> Value {
        guard let value: Value = try optional(column) else {
            throw Self.unreadable(column, "it is NULL and \(Value.typeName) was expected")
        }
        return value
    }

    private func optional<Value: BinaryValue>(_ column: String) throws(DatabaseError) -> Value? {
        let position = try result.position(of: column)
        let type = result.type(of: position)
        guard Value.reads(type) else {
            throw Self.unreadable(column, "it has type number \(type) and \(Value.typeName) was expected")
        }
        if result.isNull(row: number, column: position) { return nil }
        let value = result.withBytes(row: number, column: position) { Value.read($0, type: type) }
        guard let value else { throw Self.unreadable(column, "its value does not fit \(Value.typeName)") }
        return value
    }

    private func array<Element: BinaryValue>(_ column: String) throws(DatabaseError) -> [Element?] {
        let position = try result.position(of: column)
        if result.isNull(row: number, column: position) {
            throw Self.unreadable(column, "it is NULL and an array was expected")
        }
        let values: [Element?]? = result.withBytes(row: number, column: position) { ArrayReader.read($0) }
        guard let values else {
            throw Self.unreadable(column, "it is not an array of \(Element.typeName) in one dimension")
        }
        return values
    }

    private static func unreadable(_ column: String, _ reason: String) -> DatabaseError {
        DatabaseError(operation: "reading column \(column)", sqlstate: "42804", message: reason)
    }
}

/// Reads PostgreSQL's binary arrays of one dimension, as `EncodedParameters` writes them.
private enum ArrayReader {
    static func read<Element: BinaryValue>(_ bytes: UnsafeRawBufferPointer) -> [Element?]? {
        var rest = bytes[...]
        func take(_ count: Int) -> UnsafeRawBufferPointer? {
            guard rest.count >= count, count >= 0 else { return nil }
            defer { rest = rest.dropFirst(count) }
            return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
        }
        guard let dimensions: Int32 = take(4)?.bigEndian(), take(4) != nil, let type: UInt32 = take(4)?.bigEndian(),
            Element.reads(type)
        else { return nil }
        if dimensions == 0 { return [] }
        guard dimensions == 1, let count: Int32 = take(4)?.bigEndian(), count >= 0, take(4) != nil else { return nil }
        var values: [Element?] = []
        for _ in 0..<count {
            guard let length: Int32 = take(4)?.bigEndian() else { return nil }
            if length == -1 {
                values.append(nil)
            } else if let element = take(Int(length)), let value = Element.read(element, type: type) {
                values.append(value)
            } else {
                return nil
            }
        }
        return values
    }
}

extension Rows {
    /// Owns libpq's result.
    final class Result {
        private let handle: OpaquePointer
        let rowCount: Int
        let names: [String]
        private let positions: [String: Int]

        /// Takes over the result.
        init(owning handle: OpaquePointer) {
            self.handle = handle
            rowCount = Int(PQntuples(handle))
            let names = (0..<PQnfields(handle)).map { String(cString: PQfname(handle, $0)) }
            self.names = names
            positions = Dictionary(names.indices.map { (names[$0], $0) }, uniquingKeysWith: { first, _ in first })
        }

        deinit {
            PQclear(handle)
        }

        var affected: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

        /// The command as PostgreSQL says what it did, as in `COMMIT`.
        var commandTag: String { String(cString: PQcmdStatus(handle)) }

        func position(of column: String) throws(DatabaseError) -> Int {
            guard let position = positions[column] else {
                throw DatabaseError(
                    operation: "reading column \(column)", sqlstate: "42703", message: "the result has no such column")
            }
            return position
        }

        func type(of column: Int) -> UInt32 { PQftype(handle, Int32(column)) }

        func isNull(row: Int, column: Int) -> Bool { PQgetisnull(handle, Int32(row), Int32(column)) == 1 }

        func withBytes<T>(row: Int, column: Int, _ body: (UnsafeRawBufferPointer) -> T) -> T {
            precondition(row < rowCount)
            let bytes = UnsafeRawBufferPointer(
                start: PQgetvalue(handle, Int32(row), Int32(column)),
                count: Int(PQgetlength(handle, Int32(row), Int32(column))))
            return body(bytes)
        }
    }
}
