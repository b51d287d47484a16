import Foundation
import Testing

@testable import Database

/// A streaming replica of the stack's PostgreSQL.
struct Standby {
    private let port: Int

    fileprivate init(port: Int) { self.port = port }

    /// Where a login reaches it.
    func url(of login: Login) throws -> String { try url(login.url) }

    private func url(_ primary: String) throws -> String {
        var parts = try #require(URLComponents(string: primary))
        parts.port = port
        return try #require(parts.string)
    }

    /// Waits until everything that is committed has arrived.
    func catchUp(with laboratory: Laboratory) throws {
        let here = try laboratory.database.query("select pg_current_wal_flush_lsn()::text as place").onlyRow()
        let connection = try DatabaseConnection(
            DatabaseSettings(url: url(laboratory.databaseURL), applicationName: "sentinode tests"))
        defer { connection.close() }
        let place = try here.text("place")
        try wait(for: "the standby") {
            try connection.query("select pg_last_wal_replay_lsn() >= $1::text::pg_lsn as there", [.text(place)])
                .onlyRow().bool("there")
        }
    }
}

extension Laboratory {
    /// Lets a replica follow while `body` runs.
    func withStandby(_ body: (Standby) throws -> Void) throws {
        let printed = try stack.command("standby").trimmingCharacters(in: .whitespacesAndNewlines)
        let standby = Standby(port: try #require(Int(printed)))
        let outcome = Result { try body(standby) }
        try stack.command("standby", "stop")
        try outcome.get()
    }
}
