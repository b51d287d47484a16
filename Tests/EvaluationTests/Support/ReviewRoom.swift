import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// A database with the schema, an active model and made-up predictions, and the people who log in to it: what SQL alone
/// does, without a broker.
final class ReviewRoom {
    let stack: Stack
    let name: String
    /// Whoever migrates: may act as the owner of everything.
    let operatorSession: Session
    private var logins: [String] = []

    /// Makes a room, lets a test work in it on a thread of its own, and clears up.
    static func with(_ body: (ReviewRoom) async throws -> Void) async throws {
        try await onDedicatedThread {
            let room = try ReviewRoom(on: try #require(Stack.ofTheRun))
            do {
                try await body(room)
            } catch {
                try room.clear()
                throw error
            }
            try room.clear()
        }
    }

    private init(on stack: Stack) throws {
        self.stack = stack
        name = "test_" + randomName()
        let template = try TemplateDatabase.name(on: stack)
        try stack.administrator().run(script: "create database \(name) template \(template)")
        operatorSession = Session(login: "operator", connection: try stack.connect(database: name))
        try operatorSession.run(PredictionMaker.script)
    }

    private func clear() throws {
        operatorSession.connection.close()
        let administrator = try stack.administrator()
        try administrator.run(script: "drop database \(name) with (force)")
        for login in logins { try administrator.run(script: "drop role \(login)") }
    }

    // MARK: People

    /// A database login that is a member of these roles and of nothing else.
    func makeLogin(_ roles: [String] = []) throws -> Session {
        let (login, password) = ("login_" + randomName(), randomName())
        try operatorSession.run("create role \(login) login password '\(password)'")
        logins.append(login)
        for role in roles { try operatorSession.run("grant \(role) to \(login)") }
        return try open(login, password)
    }

    private func open(_ login: String, _ password: String) throws -> Session {
        let url = try stack.databaseURL(database: name, user: login, password: password)
        let settings = DatabaseSettings(url: url, applicationName: "sentinode tests")
        return Session(login: login, password: password, connection: try DatabaseConnection(settings))
    }

    /// A second session of the same login.
    func again(_ session: Session) throws -> Session { try open(session.login, session.password) }

    /// The administrator of the product, the same one each time.
    func administrator() throws -> Session {
        if let known = knownAdministrator { return known }
        let session = try makeLogin(["sentinode_admin"])
        knownAdministrator = session
        return session
    }
    private var knownAdministrator: Session?

    /// A reader, added by the administrator.
    func makeReader(
        _ fullName: String = "Dr. Ada Lovelace", sites: [String] = ["*"], alwaysBlind: Bool = false,
        adjudicates: Bool = false
    ) throws -> Session {
        let session = try makeLogin()
        let list = sites.map { "'\($0)'" }.joined(separator: ",")
        try administrator().run(
            """
            select review.add_reader('\(session.login)', '\(fullName)', 'pathologist', array[\(list)],
                always_blind => \(alwaysBlind), adjudicates => \(adjudicates))
            """)
        return session
    }

    // MARK: Rows

    /// Stores predictions, sealed, as a worker would.
    func store(_ predictions: [MadePrediction]) throws {
        let rows = predictions.map(\.json).joined(separator: ",")
        try asOwner("select test.predict($rows$[\(rows)]$rows$)")
    }

    /// Runs statements with the rights of whom everything belongs to.
    func asOwner(_ script: String) throws {
        try operatorSession.run("set role sentinode_owner; \(script); reset role")
    }

    /// A policy with these rules, as JSON.
    func setPolicy(_ rules: String, lease: Int = 30) throws {
        try administrator().run(
            """
            select review.set_policy('\(rules)', 'a test', repeat('ab', 32), lease_minutes => \(lease))
            """)
    }

    /// Sets the clock of leases forward: what was claimed has expired.
    func expireLeases() throws {
        try asOwner(
            "update review.worklist_items set leased_until = now() - interval '1 second' where leased_by is not null")
    }

    /// What the audit trail's independent recomputation finds wrong.
    func auditProblems() throws -> [String] {
        try AuditVerifier(database: operatorSession.connection).verify().problems
    }
}

/// One login's connection.
struct Session {
    let login: String
    var password = ""
    let connection: DatabaseConnection

    func run(_ script: String) throws { try connection.run(script: script) }

    /// The rows of the last statement, as text; nil is NULL.
    func rows(_ script: String) throws -> [[String?]] {
        guard let result = try connection.run(script: script, silenceLimit: nil).last else { return [] }
        return (0..<result.rowCount).map { row in
            result.names.indices.map { column in
                result.isNull(row: row, column: column)
                    ? nil : result.withBytes(row: row, column: column) { String(decoding: $0, as: UTF8.self) }
            }
        }
    }

    /// The first column.
    func column(_ script: String) throws -> [String?] { try rows(script).map { $0[0] } }

    /// The only value.
    func value(_ script: String) throws -> String? {
        let rows = try rows(script)
        try #require(rows.count == 1, "\(rows.count) rows came instead of one")
        return rows[0][0]
    }

    /// How the statement is refused; nil where it is not.
    func refusal(_ statement: String) throws -> Refused? {
        _ = connection.takeNotices()
        try run(
            """
            do $test$
            declare said text; hint text;
            begin
                execute $statement$\(statement)$statement$;
            exception when others then
                get stacked diagnostics said = message_text, hint = pg_exception_hint;
                raise notice using message = 'refused' || chr(10) || sqlstate || chr(10) || said || chr(10) || hint;
            end $test$
            """)
        let lines = connection.takeNotices().last { $0.hasPrefix("refused\n") }?.components(separatedBy: "\n")
        return lines.map { Refused(code: $0[1], message: $0[2], hint: $0[3]) }
    }

    /// The SQLSTATE with which a script outside of any block is refused; nil where it is not.
    func sqlstate(of script: String) -> String? {
        do throws(DatabaseError) {
            try connection.run(script: script)
            return nil
        } catch {
            return error.sqlstate
        }
    }
}

/// An error that a person met.
struct Refused: Equatable {
    let code: String
    let message: String
    let hint: String

    /// Whether it is a sentence with an advice.
    var isHelpful: Bool { code.hasPrefix("SN") && message.count > 10 && hint.count > 10 && hint.hasSuffix(".") }
}

/// Requires a refusal by this code, with a message that contains the words, and an advice.
func expectRefusal(
    _ code: String, _ words: String, _ session: Session, _ statement: String,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let refused = try session.refusal(statement)
    #expect(refused?.code == code, "\(statement): \(String(describing: refused))", sourceLocation: sourceLocation)
    #expect(refused?.message.contains(words) == true, "\(String(describing: refused))", sourceLocation: sourceLocation)
    #expect(refused?.isHelpful == true, "\(String(describing: refused))", sourceLocation: sourceLocation)
}
