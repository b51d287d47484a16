/// What PostgreSQL has prepared in this session: the text of a statement and the types of its parameters.
struct PreparedStatement: Hashable {
    let sql: SQL
    let types: [UInt32]
}

/// The statements prepared in one session, by the name they have there; the least recently used one goes first.
struct StatementCache {
    private var entries: [PreparedStatement: (name: String, lastUse: Int)] = [:]
    private var clock = 0
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { entries.count }

    mutating func name(of statement: PreparedStatement) -> String? {
        guard let index = entries.index(forKey: statement) else { return nil }
        clock += 1
        entries.values[index].lastUse = clock
        return entries.values[index].name
    }

    /// A name that the session has not seen.
    mutating func newName() -> String {
        clock += 1
        return "s\(clock)"
    }

    mutating func insert(_ statement: PreparedStatement, name: String) {
        clock += 1
        entries[statement] = (name, clock)
    }

    mutating func remove(_ statement: PreparedStatement) {
        entries[statement] = nil
    }

    /// The statement to give up so that one more fits.
    var surplus: (statement: PreparedStatement, name: String)? {
        guard entries.count >= capacity else { return nil }
        return entries.min { $0.value.lastUse < $1.value.lastUse }.map { ($0.key, $0.value.name) }
    }
}
