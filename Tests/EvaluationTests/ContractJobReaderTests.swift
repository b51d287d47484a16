import AuditTrail
import Database
import Foundation
import PatchClassifier
import Testing

@testable import Evaluation
@testable import MessageBroker

@Suite struct `A delivery` {
    private let reader = JobReader(metadata: MetadataReader(attributesAllowed: nil), bodyLimit: 1000)
    private let png: [UInt8] = [0x89, 0x50, 0x4e, 0x47]

    private func read(_ properties: MessageProperties, _ body: Body) throws -> Submission {
        try reader.read(Delivery.example(properties, body: body), receivedAt: Timestamp(microseconds: 0))
    }

    private func reason(_ properties: MessageProperties, _ body: Body) throws -> Refusal.Reason? {
        switch try read(properties, body).content {
        case .success: nil
        case .failure(let refusal): refusal.reason
        }
    }

    @Test(arguments: [nil, "", "image/png", "IMAGE/PNG", "image/png; name=a.png", " image/png "])
    func `is a PNG unless it says otherwise`(contentType: String?) throws {
        let job = try read(MessageProperties(contentType: contentType), .bytes(png)).content.get()
        #expect(job.png == png)
        #expect(job.imageSHA256 == (try Hash.sha256(png)))
    }

    @Test(arguments: ["application/json", "Application/JSON; charset=utf-8"])
    func `in JSON holds the image as base64 and the headers beside it`(contentType: String) throws {
        let body = Array("{\"image_base64\": \"\(Data(png).base64EncodedString())\", \"x\": 7, \"block\": \"B2\"}".utf8)
        let properties = MessageProperties(contentType: contentType, headers: [Field("slide_id", .text("S-1"))])
        let submission = try read(properties, .bytes(body))
        let job = try submission.content.get()
        #expect(job.png == png)
        #expect(job.imageSHA256 == (try Hash.sha256(png)))
        #expect(submission.payloadSHA256 == (try Hash.sha256(body)))
        #expect(job.metadata.slideID == "S-1" && job.metadata.x == 7)
        #expect(job.attributes == #"{"block":"B2"}"#)
    }

    @Test func `in JSON may say of a header that there is none`() throws {
        let example = contractsFolder.appending(path: "examples/jsonJob.unknown-position.json")
        let body = Body.bytes(Array(try Data(contentsOf: example)))
        let reader = JobReader(metadata: MetadataReader(attributesAllowed: nil), bodyLimit: 10_000)
        let delivery = Delivery.example(MessageProperties(contentType: "application/json"), body: body)
        let job = try reader.read(delivery, receivedAt: Timestamp(microseconds: 0)).content.get()
        var expected = PatchMetadata()
        (expected.slideID, expected.mpp) = ("S-17", 0.97)
        #expect(job.metadata == expected && job.attributes == nil)
        #expect(try Patch(png: job.png, width: 96, height: 96).rgb.allSatisfy { $0 == 230 })
    }

    @Test func `is one thing or is refused`() throws {
        #expect(try reason(MessageProperties(), .bytes([])) == .empty)
        #expect(try reason(MessageProperties(contentType: "image/jpeg"), .bytes(png)) == .unsupportedContentType)
        #expect(try reason(MessageProperties(contentEncoding: "gzip"), .bytes(png)) == .unsupportedContentType)
        #expect(try reason(MessageProperties(contentType: "application/json"), .bytes(png)) == .malformedJSON)
        #expect(
            try reason(MessageProperties(contentType: "application/json"), .bytes(Array("{}".utf8))) == .malformedJSON)
        #expect(
            try reason(MessageProperties(contentType: "application/json"), .bytes(Array(#"{"image_base64":"a"}"#.utf8)))
                == .malformedBase64)
        let twice = MessageProperties(contentType: "application/json", headers: [Field("x", .int(1))])
        #expect(try reason(twice, .bytes(Array(#"{"image_base64":"","x":1}"#.utf8))) == .malformedMetadata)
        #expect(try reason(MessageProperties(messageID: "a\0b"), .bytes(png)) == .malformedMetadata)
    }

    @Test func `over the limit is named by the hash that was made of its pieces`() throws {
        let digest = [UInt8](repeating: 7, count: 32)
        let submission = try read(MessageProperties(messageID: "big"), .oversized(size: 4_000_000_000, digest: digest))
        #expect(submission.payloadSHA256 == digest)
        guard case .failure(let refusal) = submission.content else {
            Issue.record("an oversized body became a job")
            return
        }
        #expect(refusal == Refusal(.tooLarge, "the body has 4000000000 bytes: at most 1000 are taken"))
        #expect(submission.jobID == (try JobIdentity.job(messageID: "big", sender: hexadecimal(digest))))
    }

    @Test func `is named by its app_id, else by the user that the broker checked`() throws {
        func job(_ appID: String?, _ userID: String?) throws -> Job {
            try read(MessageProperties(messageID: "m", userID: userID, appID: appID), .bytes(png)).content.get()
        }
        #expect(try job("lab", "user").sender == "lab")
        #expect(try job("", "user").sender == "user")
        #expect(try job(nil, nil).sender == nil)
        #expect(try job("lab", "user").id == job("lab", nil).id)
        #expect(try job(nil, nil).id != job("lab", nil).id)
        #expect(try job(nil, nil).id == JobIdentity.job(messageID: "m", sender: hexadecimal(Hash.sha256(png))))
    }

    @Test func `without a message id is named by its place and image`() throws {
        func id(_ x: Int64, _ body: [UInt8]) throws -> UUID {
            try read(MessageProperties(headers: [Field("x", .int(x))]), .bytes(body)).jobID
        }
        #expect(try id(1, png) == id(1, png))
        #expect(try id(1, png) != id(2, png))
        #expect(try id(1, png) != id(1, png + [0]))
    }

    @Test(arguments: [nil, "", "a\0b", String(repeating: "q", count: 256)])
    func `asks for no reply where it names no queue`(replyTo: String?) throws {
        #expect(try read(MessageProperties(replyTo: replyTo), .bytes(png)).reply == nil)
    }

    @Test func `that is refused is answered all the same`() throws {
        let submission = try read(MessageProperties(correlationID: "c-1", replyTo: "answers"), .bytes([]))
        #expect(submission.reply?.queue == "answers")
        #expect(submission.reply?.correlationID == "c-1")
    }
}
