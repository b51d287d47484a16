import CCrypto

/// What makes the digest of a row say nothing of the row once it is erased.
public enum Salt {
    /// 16 random bytes each.
    public static func random(_ count: Int) throws(HashingError) -> [[UInt8]] {
        let size = 16
        var bytes = [UInt8](repeating: 0, count: count * size)
        guard RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { throw HashingError(operation: "make random bytes") }
        return (0..<count).map { Array(bytes[$0 * size..<($0 + 1) * size]) }
    }
}
