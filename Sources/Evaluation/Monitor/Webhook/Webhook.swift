import AuditTrail
import Foundation
import WebClient

/// Where alerts are posted to, and what they are signed with. Nothing that prints it shows more than the host.
public struct Webhook: Sendable {
    /// A POST without body.
    private var post: Post
    /// Each signs, so that a receiver can change from one to another.
    private let secrets: [[UInt8]]

    /// Bytes of a secret, by Standard Webhooks.
    private static let secretLength = 24...64

    /// - Parameters:
    ///   - secrets: one or more, each `whsec_` and base64, with spaces between.
    ///   - authorities: a file of certificates to trust beside the system's.
    /// - Throws: `WebhookMisconfigured`, which names neither address nor secret.
    init(address: String, secrets: String, authorities: String? = nil) throws(WebhookMisconfigured) {
        guard let parts = URLComponents(string: address), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host?.trimmingCharacters(in: Webhook.brackets),
            host.wholeMatch(of: /[A-Za-z0-9._:-]+/) != nil
        else { throw .address("is not an address such as https://host/path") }
        guard scheme == "https" || Webhook.isLoopback(host) else {
            throw .address("is not encrypted: http is for this machine alone, elsewhere use https")
        }
        guard let port = UInt16(exactly: parts.port ?? (scheme == "https" ? 443 : 80)) else {
            throw .address("has a port that is none")
        }
        let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        post = Post(
            isEncrypted: scheme == "https", host: host, port: port,
            target: path + (parts.percentEncodedQuery.map { "?\($0)" } ?? ""))
        post.authorities = authorities
        post.headers = [("content-type", "application/json"), ("user-agent", "sentinode")]
        if let user = parts.user {
            let login = Data("\(user):\(parts.password ?? "")".utf8).base64EncodedString()
            post.headers.append(("authorization", "Basic \(login)"))
        }
        let keys = secrets.split(whereSeparator: \.isWhitespace).map(Webhook.key)
        guard !keys.isEmpty, !keys.contains(nil) else { throw .secret }
        self.secrets = keys.compactMap { $0 }
    }

    private static let brackets = CharacterSet(charactersIn: "[]")

    /// nil where it is no secret.
    private static func key(_ secret: Substring) -> [UInt8]? {
        guard secret.hasPrefix("whsec_"), let key = Data(base64Encoded: String(secret.dropFirst("whsec_".count))),
            secretLength.contains(key.count)
        else { return nil }
        return Array(key)
    }

    /// Whether what is sent there stays on this machine.
    private static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1"].contains(host.lowercased()) { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return host.hasPrefix("127.") && numbers.count == 4 && !numbers.contains(nil)
    }

    /// What is posted for an announcement.
    func post(_ delivery: WebhookDelivery, at seconds: Int64) throws -> Post {
        let id = delivery.eventID.text
        var post = post
        post.body = Array(delivery.body.utf8)
        post.headers += [
            ("webhook-id", id), ("webhook-timestamp", "\(seconds)"),
            ("webhook-signature", try signature(id: id, seconds: seconds, body: delivery.body)),
        ]
        return post
    }

    /// The header `webhook-signature`: HMAC-SHA-256 over id, time and body (Standard Webhooks 1.0.0, "Signature scheme").
    func signature(id: String, seconds: Int64, body: String) throws -> String {
        let signed = Array("\(id).\(seconds).\(body)".utf8)
        return try secrets.map { secret in
            "v1," + Data(try KeyedHash(key: secret).code(for: signed)).base64EncodedString()
        }.joined(separator: " ")
    }
}

extension Webhook: CustomStringConvertible, CustomReflectable {
    /// Paths and queries hold secrets too.
    public var description: String { "\(post.host):\(post.port)" }

    public var customMirror: Mirror { Mirror(self, children: ["host": description]) }
}

/// What is wrong with the settings of a webhook.
enum WebhookMisconfigured: Error {
    /// In words that go on after the setting's name.
    case address(String)
    case secret
}

extension Environment {
    /// The monitor's webhook, at an address given by hand or in `SENTINODE_MONITOR_WEBHOOK`; nil where there is none.
    public mutating func webhook(_ given: String? = nil) -> Webhook? {
        guard let address = given ?? text("SENTINODE_MONITOR_WEBHOOK") else { return nil }
        let secrets = require(
            "SENTINODE_MONITOR_WEBHOOK_SECRET", example: "whsec_ followed by what `openssl rand -base64 32` prints")
        guard !secrets.isEmpty else { return nil }
        do throws(WebhookMisconfigured) {
            return try Webhook(address: address, secrets: secrets, authorities: text("SSL_CERT_FILE"))
        } catch {
            switch error {
            case .address(let fault):
                add(problem: "\(given == nil ? "SENTINODE_MONITOR_WEBHOOK" : "--webhook") \(fault)")
            case .secret:
                add(problem: "SENTINODE_MONITOR_WEBHOOK_SECRET is not whsec_ followed by 24 to 64 bytes in base64")
            }
            return nil
        }
    }
}
