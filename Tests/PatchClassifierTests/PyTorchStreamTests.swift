import PatchClassifier
import Testing

@Suite struct PyTorchStreamTests {
    private typealias Pickle = PickleFixture

    private static let magic: [UInt8] = [
        0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]
    private static let version = PickleFixture.pickle(Array("M".utf8) + [0xE9, 3])
    private static let littleEndian: [UInt8] = [0x88]

    /// A stream with one tensor of two values, except for what is given.
    private static func stream(
        version: [UInt8] = version, order: [UInt8] = littleEndian, state: [UInt8] = PickleFixture.stateDict,
        keys: [String] = ["0"], values: [UInt8] = .init(littleEndian: 2, count: 8) + [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
    ) -> [UInt8] {
        let system = PickleFixture.pickle(PickleFixture.dictionary(PickleFixture.item("little_endian", order)))
        let list = PickleFixture.pickle(Array("](".utf8) + keys.flatMap(PickleFixture.text) + Array("e".utf8))
        return magic + version + system + state + list + values
    }

    @Test func `the stream put together by hand is read`() throws {
        let weights = try Weights(contentsOf: Self.stream())
        #expect(try weights == Weights(tensors: [.init(name: "w", shape: [2], values: [1, 2])]))
    }

    @Test(arguments: [
        (stream(version: PickleFixture.pickle(Array("M".utf8) + [0xEA, 3])), WeightsError.Code.unrecognizedFormat),
        (stream(version: PickleFixture.pickle(Array("N".utf8))), .unrecognizedFormat),
        (stream(order: [0x89]), .byteOrder),
        (stream(order: PickleFixture.integer(1)), .byteOrder),
        (stream(order: littleEndian + PickleFixture.item("little_endian", [0x88])), .byteOrder),
        (stream(state: PickleFixture.pickle(Array("N".utf8))), .notStateDict),
        (stream(keys: []), .trailingData),
        (stream(keys: [], values: []), .storage),
        (stream(keys: ["1"]), .storage),
        (stream(keys: ["0", "0"]), .malformed),
        (
            stream(keys: ["0", "1"], values: .init(littleEndian: 2, count: 8) + Array(repeating: 0, count: 16)),
            .storage
        ),
        (stream(values: .init(littleEndian: 1, count: 8) + [0, 0, 0, 0]), .storage),
        (stream(values: .init(littleEndian: 2, count: 8) + [0, 0, 0, 0]), .truncated),
        (stream(values: .init(littleEndian: 1 << 27, count: 8)), .truncated),
        (stream(values: .init(littleEndian: 1 << 62, count: 8)), .tooLarge),
        (stream(values: .init(littleEndian: -1, count: 8)), .tooLarge),
        (stream() + [0], .trailingData),
        (stream() + stream(), .trailingData),
        (stream(values: .init(littleEndian: 2, count: 8) + [0, 0, 0xC0, 0x7F, 0, 0, 0, 0]), .notFinite),
    ])
    func `streams whose parts do not fit are refused`(bytes: [UInt8], code: WeightsError.Code) throws {
        let error = try #require(refusal(of: bytes))
        #expect(error.code == code, "\(error)")
    }

    @Test func `a stream whose keys are no list is refused`() throws {
        let keys = Array("](".utf8) + Pickle.text("0") + Array("e".utf8)
        let bytes = try Self.stream().replacing(keys, with: Array("}".utf8))
        #expect(refusal(of: bytes)?.code == .malformed)
    }
}
