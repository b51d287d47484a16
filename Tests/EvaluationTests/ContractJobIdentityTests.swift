import Foundation
import Testing

@testable import Evaluation

@Suite struct `The identity of a job` {
    private struct Vectors: Decodable {
        struct Given: Decodable { let message_id, job_id: String }
        struct Message: Decodable { let message_id, sender, job_id: String }
        struct Image: Decodable { let sender, slide_id, x, y, level, image_sha256, job_id: String }

        let namespace: String
        let uuid: [Given]
        let message: [Message]
        let image: [Image]
    }

    private let vectors: Vectors

    init() throws {
        let file = contractsFolder.appending(path: "job-identity-vectors.json")
        vectors = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
    }

    @Test func `is the message id where that is a UUID`() throws {
        #expect(JobIdentity.namespace.uuidString.lowercased() == vectors.namespace)
        for vector in vectors.uuid {
            let job = try JobIdentity.job(messageID: vector.message_id, sender: "anybody")
            #expect(job.uuidString.lowercased() == vector.job_id)
        }
    }

    @Test func `is made of sender and message id where that is another text`() throws {
        #expect(vectors.message.count >= 5)
        for vector in vectors.message {
            let job = try JobIdentity.job(messageID: vector.message_id, sender: vector.sender)
            #expect(job.uuidString.lowercased() == vector.job_id)
        }
    }

    @Test func `is made of sender, place and image where there is no message id`() throws {
        #expect(vectors.image.count >= 3)
        for vector in vectors.image {
            let job = try JobIdentity.job(
                sender: vector.sender, slide: vector.slide_id, x: vector.x, y: vector.y, level: vector.level,
                imageSHA256: vector.image_sha256)
            #expect(job.uuidString.lowercased() == vector.job_id)
        }
    }
}
