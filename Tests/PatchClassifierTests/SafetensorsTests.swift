import PatchClassifier
import Testing

@Suite struct SafetensorsTests {
    private static let entry = #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#

    /// A file with this header, its length in front, and zeros as values.
    private static func file(_ header: String, values count: Int = 4) -> [UInt8] {
        .init(littleEndian: header.utf8.count, count: 8) + header.utf8 + Array(repeating: 0, count: count)
    }

    @Test(arguments: [
        "{\(entry)}", "{ \(entry) }    ", "{\n\t\(entry)\r\n}", #"{"__metadata__":{},\#(entry)}"#,
        #"{\#(entry),"__metadata__":{"a":"b","c":"\u00e9\ud83d\ude00\/\b\f\n\r\t"}}"#,
        #"{"\u0061":{"shape":[],"data_offsets":[0,4],"dtype":"F32"}}"#,
    ])
    func `headers that the format allows are read`(header: String) throws {
        let weights = try Weights(contentsOf: Self.file(header))
        #expect(weights.tensors.map(\.name) == ["a"])
    }

    @Test(arguments: [
        ("{}", 0, WeightsError.Code.noTensors),
        (#"{"__metadata__":{}}"#, 0, .noTensors),
        ("{\(entry)}", 3, .truncated),
        ("{\(entry)}", 5, .trailingData),
        ("{\(entry)", 4, .truncated),
        ("{\(entry)", 0, .truncated),
        ("{\(entry),}", 4, .malformed),
        ("{\(entry)}x", 4, .malformed),
        ("{\(entry)}\n", 4, .malformed),
        ("{\(entry)}{\(entry)}", 4, .malformed),
        ("{\(entry),\(entry)}", 4, .duplicateName),
        (#"{\#(entry),"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, .duplicateName),
        (#"{"__metadata__":{},"__metadata__":{},\#(entry)}"#, 4, .duplicateName),
        (#"{"__metadata__":{"k":"1","k":"2"},\#(entry)}"#, 4, .duplicateName),
        (#"{"__metadata__":{"k":1},\#(entry)}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .duplicateName),
        (#"{"a":{"dtype":"F32","shape":[1]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#, 0, .shape),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, .shape),
        (#"{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,4]}}"#, 4, .shape),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#, 0, .shape),
        (#"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#, 4, .shape),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, .storage),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, .storage),
        (#"{\#(entry),"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .storage),
        (#"{\#(entry),"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#, 8, .storage),
        (#"{\#(entry),"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#, 12, .storage),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}"#, 4, .shape),
        (#"{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#, 4, .unsupportedType),
        (#"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#, 8, .unsupportedType),
        (#"{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}"#, 4, .unsupportedType),
        (#"{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .name),
        (#"{"\u0000":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .name),
        (#"{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"\ud800\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"\u+061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .malformed),
        (#"{"\x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, .malformed),
        ("{\"\u{1}\":{}}", 4, .malformed),
        (#"{"a":null}"#, 4, .malformed),
        (#"{"a":[]}"#, 4, .malformed),
    ])
    func `headers that lie, or that readers could understand differently, are refused`(
        header: String, values: Int, code: WeightsError.Code
    ) throws {
        let error = try #require(refusal(of: Self.file(header, values: values)))
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains("expected"))
    }

    @Test func `a header that claims more bytes than there are, or than any header needs, is refused`() throws {
        let file = Self.file("{\(Self.entry)}")
        for (length, code) in [(file.count, WeightsError.Code.truncated), (1 << 22 + 1, .tooLarge), (-1, .tooLarge)] {
            let bytes = [UInt8](littleEndian: length, count: 8) + file.dropFirst(8)
            #expect(refusal(of: bytes)?.code == code)
        }
    }

    @Test func `a header that is not UTF-8 is refused`() {
        let header = Array(#"{"a"#.utf8) + [0xFF] + Array(#"":{}}"#.utf8)
        #expect(refusal(of: .init(littleEndian: header.count, count: 8) + header)?.code == .malformed)
    }
}
