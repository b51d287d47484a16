import Foundation
import Synchronization
import Testing

@testable import Database

@Suite(.needsServer)
struct ConnectingTests {
    private static let secret = "open/sesame@4711"

    private func refusal(_ address: URL, connectTimeout: Double = 2) throws -> DatabaseError {
        let settings = DatabaseSettings(
            url: address.absoluteString, applicationName: "test", connectTimeout: connectTimeout)
        let error = try databaseError { try DatabaseConnection(settings) }
        #expect(!"\(error)".contains("sesame"))
        #expect(error.isConnectionLost)
        return error
    }

    @Test func `a wrong password is fatal and named without the password`() throws {
        let error = try refusal(try TestServer.address(user: "nobody_knows", password: Self.secret))
        #expect(error.sqlstate == "28P01")
        #expect(error.kind == .fatal)
        #expect(error.message.contains("password authentication failed for user \"nobody_knows\""))
        #expect(!error.message.contains("28P01") && !error.message.contains("LOCATION"))
    }

    @Test func `an unknown database is fatal and named`() throws {
        let error = try refusal(try TestServer.address(database: "no_such_database"))
        #expect(error.sqlstate == "3D000")
        #expect(error.kind == .fatal)
        #expect(error.message.contains("database \"no_such_database\" does not exist"))
    }

    @Test func `a port where nobody listens is transient`() throws {
        let error = try refusal(try TestServer.address(port: 1))
        #expect(error.sqlstate == "08001")
        #expect(error.isTransient)
        #expect(error.message.contains("port 1 failed: Connection refused"))
    }

    @Test func `a host that has no address is transient and named`() throws {
        let error = try refusal(try TestServer.address(host: "db.invalid", password: Self.secret))
        #expect(error.isTransient)
        #expect(error.message.contains("db.invalid"))
    }

    @Test(arguments: [
        ("sslmode=bogus", "invalid sslmode value"), ("sslmode=require", "SSL was required"),
        ("sslmode=verify-full&sslrootcert=/nonexistent.pem", "SSL was required"),
    ])
    func `parameters under which no connection can be made are fatal`(parameters: String, words: String) throws {
        let error = try refusal(try #require(URL(string: try TestServer.address().absoluteString + "?" + parameters)))
        #expect(error.kind == .fatal && error.isMisconfigured)
        #expect(error.message.contains(words))
    }

    @Test(arguments: [
        ("invalid sslmode value: \"bogus\"\n", true),
        ("connection to server at \"a\", port 5432 failed: SSL error: certificate verify failed\n", true),
        (
            "connection to server at \"a\", port 5432 failed: root certificate file \"/nope\" does not exist\n"
                + "Either provide the file or change sslmode to disable server certificate verification.\n", true
        ),
        ("connection to server at \"certificate.lab\", port 5432 failed: Connection refused\n", false),
        ("connection to server at \"a\", port 5432 failed: SSL SYSCALL error: EOF detected\n", false),
        ("could not translate host name \"sslmode\" to address: Name or service not known\n", false),
        (
            "connection to server at \"a\", port 1 failed: server does not support SSL, but SSL was required\n"
                + "connection to server at \"b\", port 1 failed: Connection refused\n", false
        ),
        ("", false),
    ])
    func `only settings that no address could satisfy are blamed`(report: String, isBlamed: Bool) {
        #expect(ConnectionReport.isMisconfiguration(report) == isBlamed)
    }

    @Test func `of two hosts the one that answers is taken`() async throws {
        try await ScratchDatabase.with { database in
            let address = try TestServer.address(database: database.name)
            let host = try #require(address.host()), port = try #require(address.port)
            let both = address.absoluteString.replacing("@\(host):\(port)", with: "@\(host):1,\(host):\(port)")
            let connection = try DatabaseConnection(DatabaseSettings(url: both, applicationName: "test"))
            #expect(try connection.query("select 1 as one")[0].int4("one") == 1)
        }
    }

    @Test func `a server that never answers is given up`() throws {
        let listener = try SilentListener()
        let address = try TestServer.address(host: "127.0.0.1", port: listener.port)
        // On a thread of its own: without a limit it would wait as long as the listener lives.
        let isTransient = Mutex<Bool?>(nil)
        Thread.detachNewThread {
            #expect(throws: Never.self) {
                let error = try refusal(address, connectTimeout: 2)
                isTransient.withLock { $0 = error.isTransient }
            }
        }
        try wait(for: "the connection to be given up") { isTransient.withLock { $0 != nil } }
        #expect(isTransient.withLock { $0 } == true)
        withExtendedLifetime(listener) {}
    }

    @Test func `the operator's options and parameters in the URL go first`() async throws {
        try await ScratchDatabase.with { database in
            let url =
                try TestServer.address(database: database.name).absoluteString
                + "?application_name=lab&options=-c%20statement_timeout%3D7s%20-c%20TimeZone%3DJapan"
            let connection = try DatabaseConnection(DatabaseSettings(url: url, applicationName: "test"))
            let row = try connection.query(
                """
                select current_setting('application_name') as name, current_setting('statement_timeout') as timeout,
                    current_setting('TimeZone') as zone
                """)[0]
            #expect(try row.text("name") == "lab")
            #expect(try row.text("timeout") == "7s")
            #expect(try row.text("zone") == "UTC")
        }
    }
}

/// Accepts TCP connections in the kernel's queue and says nothing.
private final class SilentListener {
    private let descriptor: Int32
    let port: Int

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let outcome = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) | listen(descriptor, 8) | getsockname(descriptor, $0, &length)
            }
        }
        try #require(outcome == 0)
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit {
        close(descriptor)
    }
}

struct DatabaseSettingsTests {
    @Test(arguments: [
        "", "  ", "mydb", "postgresql:/oops", "postgresql://user:sesame@4711@host/db",
        "postgresql://user:ses/ame4711@host/db",
        "postgresql://user:47/11sesame@host/db", "postgresql://user:4711sesame%ZZ@host/db",
        "host=h password='sesame 4711",
        "postgresq://user:sesame4711@host/db?sslmode=require", "postgresql://host/db?sesame4711=1",
        "postgresql://h:99999/db",
        "host=h port=ssh password=sesame4711", "postgresql://host/\0db",
    ])
    func `a URL that cannot work is refused before any connection, without showing it`(url: String) throws {
        let settings = DatabaseSettings(url: url, applicationName: "test")
        let problem = try #require(settings.problem)
        #expect(!problem.contains("sesame") && !problem.contains("4711") && !problem.contains("ame4"), "\(problem)")
        let error = try databaseError { try DatabaseConnection(settings) }
        #expect(error.kind == .fatal)
        #expect(error.message == problem)
    }

    @Test func `settings show where they lead and never the password, in dumps too`() {
        let settings = DatabaseSettings(
            url: "postgresql://worker:open%20sesame@db.example:6432/lab?sslmode=verify-full", applicationName: "test")
        #expect(settings.problem == nil)
        #expect("\(settings)" == "worker@db.example:6432/lab")
        var dumped = String(reflecting: settings)
        dump(settings, to: &dumped)
        #expect(!dumped.contains("sesame"))
        #expect("\(DatabaseSettings(url: "host=/run/pg dbname=lab", applicationName: ""))" == "/run/pg/lab")
    }

    @Test func `a refused connection's report gives its SQLSTATE and loses the details`() {
        let report = """
            connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused
            \tIs the server running on that host and accepting TCP/IP connections?
            connection to server at "db" (10.0.0.2), port 5432 failed: FATAL:  57P03: the database system is starting up
            DETAIL:  Novak 4711
            LOCATION:  ProcessStartupPacket, postmaster.c:2322
            """
        let (sqlstate, message) = ConnectionReport.read(report)
        #expect(sqlstate == "57P03")
        #expect(message.hasSuffix("port 5432 failed: FATAL: the database system is starting up"))
        #expect(!message.contains("4711") && !message.contains("postmaster.c"))
    }
}
