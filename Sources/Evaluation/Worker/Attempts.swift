import Database
import Foundation

/// The record of who tried which suspect, so that a message that kills processes is found out.
struct Attempts {
    /// Unfinished attempts after which a message is not tried again.
    static let limit = 3

    let connection: DatabaseConnection

    /// Attempts on this message that a process did not survive.
    func unfinished(_ key: UUID) throws -> Int {
        let sql: SQL = "select count(*) as attempts from sentinode.attempts where job_id = $1 and finished_at is null"
        return Int(try connection.query(sql, [.uuid(key)]).onlyRow().int8("attempts"))
    }

    /// Commits that this process is about to try. Harmless when repeated: the answer to a commit can be lost.
    func start(_ key: UUID, id: UUID) throws {
        let sql: SQL = """
            insert into sentinode.attempts (attempt_id, job_id, host, pid) values ($1, $2, $3, $4)
            on conflict do nothing
            """
        try connection.query(
            sql,
            [
                .uuid(id), .uuid(key), .text(ProcessInfo.processInfo.hostName),
                .int4(ProcessInfo.processInfo.processIdentifier),
            ])
    }

    /// Commits that this process has survived.
    func finish(_ id: UUID) throws {
        try connection.query(
            """
            update sentinode.attempts set finished_at = greatest(clock_timestamp(), started_at) where attempt_id = $1
            """, [.uuid(id)])
    }
}
