import Foundation
import Testing

@testable import Evaluation

/// An HTTP server that notes what is posted to it, and answers as it was told.
final class WebhookReceiver {
    /// What it was sent, and what it found of it.
    struct Request: Decodable {
        let request: String
        let id: String
        let is_signed: Bool
        let authorization: String?
        let body: String
    }

    static let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

    let port: UInt16
    private let process = Process()
    private let notes: URL

    /// - Parameters:
    ///   - answers: a status, or the name of a fault, for each request; the last one goes on.
    ///   - certificate: a folder of the stack's certificates, where it speaks TLS.
    init(_ answers: String..., port: UInt16 = 0, certificates: String? = nil) throws {
        notes = FileManager.default.temporaryDirectory.appending(path: "webhook-" + randomName())
        try Data().write(to: notes)
        let script = URL(filePath: #filePath).appending(path: "../../Fixtures/webhook-receiver.py").standardized
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments =
            [script.path, notes.path, WebhookReceiver.secret, "\(port)"]
            + (certificates.map { ["\($0)/server.pem", "\($0)/server-key.pem"] } ?? ["-", "-"]) + answers
        process.standardOutput = output
        try process.run()
        let printed = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        self.port = try #require(UInt16(printed.trimmingCharacters(in: .newlines)))
    }

    deinit { stop() }

    /// With what must show in no log.
    var address: String { "http://someone:pass-word@127.0.0.1:\(port)/path-word?token=query-word" }

    /// Settings of a monitor that posts here.
    var environment: [String: String] {
        ["SENTINODE_MONITOR_WEBHOOK": address, "SENTINODE_MONITOR_WEBHOOK_SECRET": WebhookReceiver.secret]
    }

    func requests() throws -> [Request] {
        let text = try String(contentsOf: notes, encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Request.self, from: Data($0.utf8)) }
    }

    /// Nothing listens there afterwards.
    func stop() {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
