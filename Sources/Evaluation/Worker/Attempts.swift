import Database
import Foundation

/// The record of who tried which suspect, so that a message that kills processes is found out.
struct Attempts {
    /// Unfinished attempts after which a message is not tried again.
    static let limit = 3

    let connection: DatabaseConnection

    /// Attempts on this message that a process did not survive, since somebody last decided about its quarantined job:
    /// what is replayed is tried as often as what is new.
    func unfinished(_ key: UUID, job: UUID, payloadSHA256: [UInt8]) throws -> Int {
        let sql: SQL = """
            select count(*) as attempts from sentinode.attempts
            where job_id = $1 and finished_at is null and started_at > coalesce(
                (select max(decided_at) from sentinode.quarantine_decisions
                 where job_id = $2 and payload_sha256 = $3), '-infinity')
            """
        let row = try connection.query(sql, [.uuid(key), .uuid(job), .bytes(payloadSHA256)]).onlyRow()
        return Int(try row.int8("attempts"))
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

    /// Commits that this process has survived: nothing of the attempt is needed any more.
    func finish(_ id: UUID) throws {
        try connection.query("delete from sentinode.attempts where attempt_id = $1", [.uuid(id)])
    }
}
