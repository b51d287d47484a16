import Foundation

@testable import Evaluation

/// Jobs as text.
extension BadMessages {
    private static let image = Data(HandmadePNG().bytes).base64EncodedString()

    /// `{"image_base64": ..., <more>}`
    private static func object(_ more: String = "") -> [UInt8] {
        Array("{\"image_base64\": \"\(image)\"\(more.isEmpty ? "" : ", " + more)}".utf8)
    }

    private static func encoded(_ base64: String) -> [UInt8] { Array("{\"image_base64\": \"\(base64)\"}".utf8) }

    static let texts: [BadMessage] = brokenJSON + brokenBase64 + members

    private static let brokenJSON: [BadMessage] = [
        BadMessage("JSON of nothing", json: [], .quarantined(.empty)),
        BadMessage("not JSON", json: Array("image=...".utf8), .quarantined(.malformedJSON)),
        BadMessage("a PNG sent as JSON", json: HandmadePNG().bytes, .quarantined(.malformedJSON)),
        BadMessage("a JSON array", json: [0x5B] + object() + [0x5D], .quarantined(.malformedJSON)),
        BadMessage("a JSON string", json: Array("\"\(image)\"".utf8), .quarantined(.malformedJSON)),
        BadMessage("no image", json: Array("{\"slide_id\": \"S1\"}".utf8), .quarantined(.malformedJSON)),
        BadMessage(
            "an image that is a number", json: Array("{\"image_base64\": 5}".utf8), .quarantined(.malformedJSON)),
        BadMessage("an image that is null", json: Array("{\"image_base64\": null}".utf8), .quarantined(.malformedJSON)),
        BadMessage("cut JSON", json: object().dropLast(30), .quarantined(.malformedJSON)),
        BadMessage("JSON and more", json: object() + Array("{}".utf8), .quarantined(.malformedJSON)),
        BadMessage(
            "two images in one object", json: object("\"image_base64\": \"\(image)\""), .quarantined(.malformedJSON)),
        BadMessage(
            "JSON that is not UTF-8", json: object("\"note\": \"#\"").map { $0 == 0x23 ? 0xFF : $0 },
            .quarantined(.malformedJSON)),
        BadMessage(
            "JSON as UTF-16", json: Array((String(decoding: object(), as: UTF8.self).data(using: .utf16) ?? Data())),
            .quarantined(.malformedJSON)),
        BadMessage("half a surrogate pair", json: object("\"note\": \"\\ud83d\""), .quarantined(.malformedJSON)),
        BadMessage("a number that is none", json: object("\"mpp\": NaN"), .quarantined(.malformedJSON)),
        BadMessage("a comment in JSON", json: object("/* S1 */ \"x\": 1"), .quarantined(.malformedJSON)),
        BadMessage(
            "100,000 nested JSON arrays",
            json: Array(repeating: 0x5B, count: 100_000) + Array(repeating: 0x5D, count: 100_000),
            .quarantined(.malformedJSON)),
        BadMessage(
            "100,000 nested JSON objects in a member",
            json: object(
                "\"note\": " + String(repeating: "{\"a\":", count: 100_000) + "1"
                    + String(repeating: "}", count: 100_000)),
            .quarantined(.malformedJSON)),
    ]

    private static let brokenBase64: [BadMessage] = [
        BadMessage("base64 of nothing", json: encoded(""), .quarantined(.empty)),
        BadMessage(
            "base64 with another alphabet", json: encoded(image.dropLast(8) + "-_-_-_-_"),
            .quarantined(.malformedBase64)),
        BadMessage("base64 without padding", json: encoded("iVBORw"), .quarantined(.malformedBase64)),
        BadMessage("base64 with line breaks", json: encoded("iVBO\\r\\nRw=="), .quarantined(.malformedBase64)),
        BadMessage(
            "base64 as a data URL", json: encoded("data:image/png;base64,\(image)"), .quarantined(.malformedBase64)),
        BadMessage("base64 of text", json: encoded("YSBwYXRjaA=="), .quarantined(.notPNG)),
        BadMessage(
            "base64 of a cut PNG", json: encoded(Data(HandmadePNG().bytes.dropLast(20)).base64EncodedString()),
            .quarantined(.truncated)),
    ]

    private static let members: [BadMessage] = [
        BadMessage("JSON with known members", json: object("\"slide_id\": \"S1\", \"x\": 1, \"mpp\": 0.25"), .recorded),
        BadMessage(
            "JSON with unknown members", json: object("\"note\": {\"a\": [1, null, {\"b\": 1e300}]}"), .recorded),
        BadMessage("JSON with a NUL in an unknown member", json: object("\"note\": \"a\\u0000b\""), .recorded),
        BadMessage("JSON with a huge number in an unknown member", json: object("\"note\": 1e400"), .recorded),
        BadMessage("JSON behind a byte order mark", json: [0xEF, 0xBB, 0xBF] + object(), .recorded),
        BadMessage(
            "JSON with a NUL in slide_id", json: object("\"slide_id\": \"a\\u0000b\""), .quarantined(.malformedMetadata)
        ),
        BadMessage("JSON with x as text", json: object("\"x\": \"12\""), .quarantined(.malformedMetadata)),
        BadMessage("JSON with x as a fraction", json: object("\"x\": 12.5"), .quarantined(.malformedMetadata)),
        BadMessage("JSON with x beyond everything", json: object("\"x\": 1e400"), .quarantined(.malformedMetadata)),
        BadMessage("JSON with slide_id null", json: object("\"slide_id\": null"), .recorded),
        BadMessage("JSON with x twice", json: object("\"x\": 1, \"x\": 2"), .quarantined(.malformedJSON)),
        {
            var message = BadMessage(
                "slide_id in headers and in JSON", json: object("\"slide_id\": \"S1\""),
                .quarantined(.malformedMetadata))
            message.properties.headers = table([(Array("slide_id".utf8), [0x53, 0, 0, 0, 1, 0x41])])
            return message
        }(),
    ]
}
