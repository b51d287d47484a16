import Database

/// Whether the server's clock, by which everything is stored, was set back.
struct DatabaseClock {
    let connection: DatabaseConnection
    /// What it says now.
    let now: Timestamp

    /// The earliest time that came twice: something was stored with it although a row that closed the time up to
    /// `time` had been stored before. nil where the clock only went forward.
    ///
    /// What is stored has an event, and a later transaction a higher number, whatever the clock says. Of a time long
    /// gone a day is looked at.
    ///
    /// - Parameter closed: that row, as what follows FROM; its `key` is `$3`.
    func wentBack(since time: Timestamp, afterRow closed: SQL, _ key: Parameter) throws -> Timestamp? {
        let oldest = Timestamp(microseconds: min(time, now).microseconds - MonitorWindow.day)
        let repeated = try connection.query(
            "select min(occurred_at) as at from audit.events where occurred_at >= $1 and occurred_at < $2 "
                + "and age(xmin) < (select age(xmin) from " + closed + ")",
            [.timestamp(oldest), .timestamp(time), key]
        ).onlyRow().optionalTimestamp("at")
        if time > now { return min(now, repeated ?? now) }
        return repeated
    }
}
