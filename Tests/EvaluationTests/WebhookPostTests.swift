import Foundation
import Testing
import WebClient

@testable import Evaluation

@Suite struct `A webhook` {
    private static let address = "https://host/path"

    private func webhook(_ address: String, _ secrets: String = WebhookReceiver.secret) throws -> Webhook {
        try Webhook(address: address, secrets: secrets)
    }

    @Test func `signs as Standard Webhooks does, in an example that Svix published`() throws {
        let body = #"{"email":"test@example.com","username":"test_user"}"#
        let signature = try webhook(Self.address).signature(
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", seconds: 1_649_367_553, body: body)
        #expect(signature == "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=")
    }

    @Test func `signs with the old and the new secret while a receiver changes`() throws {
        let new = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()
        func signature(_ secrets: String) throws -> String {
            try webhook(Self.address, secrets).signature(id: "a", seconds: 1, body: "b")
        }
        let old = WebhookReceiver.secret
        #expect(try signature("\(new) \(old)") == signature(new) + " " + signature(old))
    }

    @Test(arguments: [
        "http://host/path", "http://127.0.0.1.example.org/", "http://0127.0.0.1/", "http://1.127.0.0/",
        "ftp://localhost/", "localhost", "", "https://", "https:///path", "https://ho st/", "https://host:99999/",
        "https://a%0d%0ab/",
    ])
    func `is refused where it is no address, or not encrypted on its way to another machine`(address: String) {
        #expect(throws: WebhookMisconfigured.self) { try webhook(address) }
    }

    @Test(arguments: [
        "http://localhost/", "http://127.0.0.1:8080", "http://127.9.9.9/", "http://[::1]:8080/", "https://host",
    ])
    func `is taken where it is encrypted, or stays on this machine`(address: String) throws {
        _ = try webhook(address)
    }

    @Test(arguments: [
        "", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_C2FV", "whsec_!", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD x",
    ])
    func `is refused with a secret that is none`(secret: String) {
        #expect(throws: WebhookMisconfigured.self) { try webhook(Self.address, secret) }
    }

    @Test func `shows nothing but its host`() throws {
        let webhook = try webhook("https://user:pass@host/secret?token=secret")
        var printed = "\(webhook)"
        dump(webhook, to: &printed)
        #expect(printed.contains("host:443"))
        for hidden in ["user", "pass", "secret", "C2FV"] { #expect(!printed.contains(hidden), "\(printed)") }
    }

    @Test func `is configured by both of its settings or by none`() {
        var none = Environment([:])
        #expect(none.webhook() == nil && none.problems == [])
        var half = Environment(["SENTINODE_MONITOR_WEBHOOK": Self.address])
        #expect(half.webhook() == nil && half.problems.count == 1)
        #expect(half.problems.first?.hasPrefix("SENTINODE_MONITOR_WEBHOOK_SECRET is not set") == true)
        var wrong = Environment([
            "SENTINODE_MONITOR_WEBHOOK": "http://pass-word@host", "SENTINODE_MONITOR_WEBHOOK_SECRET": "whsec_word",
        ])
        #expect(wrong.webhook() == nil && wrong.problems.count == 1 && !"\(wrong.problems)".contains("word"))
    }
}

/// What comes of a POST to servers that are not well.
@Suite struct `A post` {
    private func outcome(_ receiver: WebhookReceiver, within seconds: Double = 10) throws -> Result<Int, PostError> {
        var post = Post(isEncrypted: false, host: "127.0.0.1", port: receiver.port, target: "/")
        post.headers = [("webhook-id", "1"), ("webhook-timestamp", "1"), ("webhook-signature", "1")]
        return Result { () throws(PostError) in try post.send(within: seconds) }
    }

    @Test(
        arguments: [
            ("200", .success(200)), ("500", .success(500)), ("redirect", .success(307)), ("endless", .success(200)),
            ("endless-headers", .success(200)), ("interim", .success(204)), ("endless-interim", .failure(.notHTTP)),
            ("endless-status", .failure(.notHTTP)), ("999", .failure(.notHTTP)), ("foreign", .failure(.notHTTP)),
            ("half", .failure(.closed)), ("drop", .failure(.closed)),
        ] as [(String, Result<Int, PostError>)])
    func `ends with the status, or with what is wrong`(answer: String, result: Result<Int, PostError>) async throws {
        try await onDedicatedThread {
            let receiver = try WebhookReceiver(answer)
            #expect(try outcome(receiver) == result)
            #expect(try receiver.requests().map(\.request) == ["POST / HTTP/1.1"], "and no redirect is followed")
        }
    }

    @Test func `is given up in time where no answer comes`() async throws {
        try await onDedicatedThread {
            let receiver = try WebhookReceiver("silent")
            let begin = ContinuousClock.now
            #expect(try outcome(receiver, within: 0.5) == .failure(.timedOut))
            #expect(.now - begin < .seconds(5))
        }
    }

    @Test func `finds nobody where nothing listens, or no such host is`() async throws {
        try await onDedicatedThread {
            let receiver = try WebhookReceiver("200")
            receiver.stop()
            #expect(try outcome(receiver) == .failure(.unreachable(ECONNREFUSED)))
            let nowhere = Post(isEncrypted: false, host: "sentinode.invalid", port: 80, target: "/")
            #expect(throws: PostError.unknownHost) { try nowhere.send(within: 5) }
        }
    }

    @Test func `to a server that does not speak TLS fails`() async throws {
        try await onDedicatedThread {
            let receiver = try WebhookReceiver("200")
            let post = Post(isEncrypted: true, host: "127.0.0.1", port: receiver.port, target: "/")
            #expect(throws: PostError.notTLS) { try post.send(within: 2) }
        }
    }
}
