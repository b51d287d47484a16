import AuditTrail
import Database
import Foundation
public import MessageBroker

/// Publishes patches as jobs and waits for the broker's word on each.
public final class JobSender {
    /// Messages sent before their confirms are awaited.
    public static let batch = 128
    /// The `app_id` of jobs sent from files.
    public static let sender = "sentinode-enqueue"
    private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    /// What became of one file.
    public enum Outcome: Sendable {
        case sent
        /// Not sent, for a reason that sending again does not mend.
        case unsuitable(String)
        /// The broker did not take it.
        case refused(String)
    }

    private let publisher: Publisher
    private let bodyLimit: Int

    /// Declares what the lab side needs, so that nothing is sent into the void.
    public init(_ settings: BrokerSettings, passive: Bool, bodyLimit: Int) throws {
        var topology = BrokerNames.topology
        topology.passive = passive
        try topology.declare(at: settings)
        publisher = try Publisher(settings)
        self.bodyLimit = bodyLimit
    }

    /// Sends the files and returns what became of each, in order. At most `batch` are held in memory.
    public func send(_ files: some Collection<PatchFile>) throws -> [Outcome] {
        var outcomes: [Outcome] = []
        var messages: [OutgoingMessage] = []
        var places: [Int] = []
        for file in files {
            switch try read(file) {
            case .success(let message):
                places.append(outcomes.count)
                outcomes.append(.sent)
                messages.append(message)
            case .failure(let problem): outcomes.append(.unsuitable(problem.description))
            }
        }
        for (place, answer) in zip(places, try publisher.publish(messages, deadline: 30)) {
            outcomes[place] = JobSender.outcome(of: answer)
        }
        return outcomes
    }

    public func close() { publisher.close() }

    private static func outcome(of answer: PublishOutcome) -> Outcome {
        switch answer {
        case .confirmed: .sent
        case .returned(let code, let text): .refused("no queue took it (\(code) \(text))")
        case .refused: .refused("the broker refused it: the queue is full")
        case .unconfirmed: .refused("the broker did not confirm it in time")
        }
    }

    private func read(_ file: PatchFile) throws -> Result<OutgoingMessage, OperationError> {
        let handle: FileHandle
        do {
            handle = try FileHandle(forReadingFrom: URL(filePath: file.path))
        } catch {
            return .failure(OperationError("cannot be read"))
        }
        defer { handle.closeFile() }
        let content: Data
        do {
            content = try handle.read(upToCount: bodyLimit + 1) ?? Data()
        } catch {
            return .failure(OperationError("cannot be read"))
        }
        guard !content.isEmpty else { return .failure(OperationError("is empty")) }
        guard content.count <= bodyLimit else {
            return .failure(OperationError("is larger than \(bodyLimit) bytes, the limit for a patch"))
        }
        guard content.starts(with: JobSender.signature) else { return .failure(OperationError("is not a PNG")) }
        return .success(try JobSender.message(Array(content), file))
    }

    /// The same file with the same headers has the same `message_id`, so sending it again decides nothing twice.
    private static func message(_ png: [UInt8], _ file: PatchFile) throws -> OutgoingMessage {
        let name = URL(filePath: file.path).lastPathComponent
        func text(_ header: String) -> String {
            file.headers.first { $0.name == header }.map { $0.value.json.text } ?? ""
        }
        let image = hexadecimal(try Hash.sha256(png))
        let identity = ["slide_id", "x", "y", "level"].map(text) + [image, name]
        var properties = MessageProperties()
        properties.contentType = "image/png"
        properties.deliveryMode = 2
        properties.appID = sender
        properties.messageID = try JobIdentity.job(
            messageID: identity.joined(separator: "\n"), sender: sender
        ).text
        let own = [Field("file", .text(name)), Field("sent_at", .text(Timestamp.now.description))]
        properties.headers = file.headers + own.filter { text($0.name).isEmpty }
        return OutgoingMessage(
            exchange: BrokerNames.jobs, routingKey: BrokerNames.patchesKey, properties: properties, body: png,
            mandatory: true)
    }
}
