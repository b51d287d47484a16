import Foundation
import MessageBroker

/// The form of a job for lab systems that can only send text: a JSON object with `image_base64` and, beside it, any of
/// the headers.
struct JSONJob {
    let png: [UInt8]
    let fields: [Field]

    init(_ body: [UInt8]) throws(Refusal) {
        var members = try JSONReader.members(of: body)
        guard let place = members.firstIndex(where: { $0.name == "image_base64" }) else {
            throw Refusal(.malformedJSON, "image_base64 is missing: the patch as base64 of its PNG is expected there")
        }
        guard case .text(let base64) = members.remove(at: place).value else {
            throw Refusal(.malformedJSON, "image_base64 is not a string: base64 of the PNG is expected")
        }
        guard let png = Data(base64Encoded: base64) else {
            throw Refusal(
                .malformedBase64,
                "image_base64 is not base64: the standard alphabet with padding and without line breaks is expected")
        }
        self.png = Array(png)
        fields = members
    }
}
