import Testing

@testable import MessageBroker

struct BrokerSettingsTests {
    private func settings(_ url: String) throws(BrokerError) -> BrokerSettings {
        try BrokerSettings(url: url, connectionName: "test")
    }

    @Test func `a full URL is taken apart and percent-decoded`() throws {
        let settings = try settings("amqp://lab%40site:p%2Fa%3As%25s@rabbit.example:5673/path%2Flab")
        #expect(settings.user == "lab@site")
        #expect(settings.password == "p/a:s%s")
        #expect(settings.host == "rabbit.example")
        #expect(settings.port == 5673)
        #expect(settings.virtualHost == "path/lab")
        #expect(settings.tls == nil)
    }

    @Test(arguments: ["amqp://", "amqp:///", "amqp://localhost", "AMQP://localhost:5672/", "amqp://localhost/%2F"])
    func `what a URL leaves out has the usual defaults`(url: String) throws {
        let settings = try settings(url)
        #expect(settings.user == "guest" && settings.password == "guest")
        #expect(settings.host == "localhost" && settings.port == 5672)
        #expect(settings.virtualHost == "/")
    }

    @Test func `amqps has its own port and speaks TLS`() throws {
        let settings = try settings("amqps://u:p@rabbit.example/v")
        #expect(settings.port == 5671)
        #expect(settings.tls != nil)
    }

    @Test func `an IPv6 address stands in brackets`() throws {
        let settings = try settings("amqp://u:p@[::1]:5673")
        #expect(settings.host == "::1" && settings.port == 5673)
        #expect(settings.address == "[::1]:5673")
        #expect(try self.settings("amqp://[fe80::2]").port == 5672)
    }

    @Test(arguments: [
        "", "http://localhost", "amqp:/localhost", "amqp://u:secret@h:port", "amqp://u:secret@h:0", "amqp://h:70000",
        "amqp://u:secret@h/a/b", "amqp://u:secret%zz@h", "amqp://u:secret%4@h", "amqp://u:secret%00@h",
        "amqp://u:secret%ff@h", "amqp://u:secret?x@h", "amqp://u:secret#x@h", "amqp://u:sec@ret@h", "amqp://[::1",
        "amqp://[::1]x", "amqp://u:secret/x@h", "amqp://[]",
    ])
    func `a broken URL is refused in a sentence that does not repeat the password`(url: String) throws {
        let error = try #require(throws: BrokerError.self) { try settings(url) }
        #expect(!error.isTransient)
        #expect(!error.description.contains("secret"))
    }

    @Test func `no description, dump or mirror shows the password`() throws {
        let settings = try settings("amqps://user:s3cret@rabbit.example/lab")
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(settings.description == "amqps://user@rabbit.example:5671/lab")
        for text in [settings.description, "\(settings)", String(reflecting: settings), dumped] {
            #expect(!text.contains("s3cret"))
        }
    }

    @Test func `certificates that would protect nothing or cannot be read are refused`() throws {
        #expect(throws: BrokerError.self) {
            try BrokerSettings(url: "amqp://h", certificateAuthority: "/etc/hostname", connectionName: "t")
        }
        #expect(throws: BrokerError.self) {
            try BrokerSettings(url: "amqps://h", clientCertificate: "/etc/hostname", connectionName: "t")
        }
        let error = try #require(throws: BrokerError.self) {
            try BrokerSettings(url: "amqps://h", certificateAuthority: "/nowhere/ca.pem", connectionName: "t")
        }
        #expect(error.message.contains("/nowhere/ca.pem"))
    }
}
