import PatchClassifier
import Testing

/// Pickles put together by hand, as PyTorch writes them except for what a test changes.
enum PickleFixture {
    static let stateDict = pickle(dictionary(item("w", tensor())))

    static func pickle(_ body: [UInt8]) -> [UInt8] { [0x80, 2] + body + [0x2E] }
    static func dictionary(_ items: [UInt8]) -> [UInt8] { Array("}(".utf8) + items + Array("u".utf8) }
    static func item(_ name: String, _ value: [UInt8]) -> [UInt8] { text(name) + value }
    static func text(_ text: String) -> [UInt8] {
        Array("X".utf8) + .init(littleEndian: text.utf8.count, count: 4) + Array(text.utf8)
    }
    static func global(_ module: String, _ member: String) -> [UInt8] { Array("c\(module)\n\(member)\n".utf8) }
    static func integer(_ value: Int) -> [UInt8] { Array("J".utf8) + .init(littleEndian: value, count: 4) }
    static func long(_ value: Int) -> [UInt8] { [0x8A, 8] + .init(littleEndian: value, count: 8) }
    static func tuple(_ values: [[UInt8]]) -> [UInt8] { Array("(".utf8) + values.joined() + Array("t".utf8) }

    static func storage(key: String = "0", count: [UInt8] = integer(2)) -> [UInt8] {
        tuple([text("storage"), global("torch", "FloatStorage"), text(key), text("cpu"), count]) + Array("Q".utf8)
    }

    static let hooks = global("collections", "OrderedDict") + Array(")R".utf8)

    static func tensor(
        storage: [UInt8] = storage(), offset: [UInt8] = integer(0), shape: [[UInt8]] = [integer(2)],
        strides: [[UInt8]] = [integer(1)], hooks: [UInt8] = hooks
    ) -> [UInt8] {
        global("torch._utils", "_rebuild_tensor_v2")
            + tuple([storage, offset, tuple(shape), tuple(strides), [0x89], hooks]) + Array("R".utf8)
    }
}

@Suite struct PickleTests {
    private typealias Pickle = PickleFixture

    private func code(_ body: [UInt8]) -> WeightsError.Code? {
        refusal(of: ZipFixture(pickle: Pickle.pickle(body)).bytes)?.code
    }

    /// The refusal of a state_dict with this tensor.
    private func code(tensor: [UInt8]) -> WeightsError.Code? {
        code(Pickle.dictionary(Pickle.item("w", tensor)))
    }

    @Test func `the pickle put together by hand is read`() {
        #expect(refusal(of: ZipFixture().bytes) == nil)
    }

    @Test(arguments: [
        ("os", "system"), ("builtins", "eval"), ("builtins", "exec"), ("posix", "system"), ("subprocess", "Popen"),
        ("__builtin__", "getattr"), ("torch", "load"), ("torch._utils", "_rebuild_parameter"),
        ("torch._utils", "_rebuild_tensor_v3"), ("numpy.core.multiarray", "_reconstruct"), ("collections", "Counter"),
        ("collections.OrderedDict", ""), ("", "collections.OrderedDict"), ("os.Storage", "system"), ("", ""),
    ])
    func `a name from outside is refused by name, whatever it is`(module: String, member: String) throws {
        let body = Pickle.global(module, member) + Pickle.tuple([Pickle.text("id")]) + Array("R".utf8)
        let error = try #require(refusal(of: ZipFixture(pickle: Pickle.pickle(body)).bytes))
        #expect(error.code == .forbiddenGlobal, "\(error)")
        #expect(error.message.contains("'\(module).\(member)'"))
    }

    @Test func `storages of other types are refused with both types named`() throws {
        for type in ["Half", "BFloat16", "Double", "Long", "Byte", "Bool", "ComplexFloat"] {
            let pickle = Pickle.pickle(Pickle.global("torch", "\(type)Storage"))
            let error = try #require(refusal(of: ZipFixture(pickle: pickle).bytes))
            #expect(error.code == .unsupportedType)
            #expect(error.message.contains("torch.\(type)Storage") && error.message.contains("torch.FloatStorage"))
        }
    }

    @Test func `every opcode but the thirty of a state_dict is refused as forbidden`() {
        let known = Set("().JKMNQRX]abcehjqrstu}".utf8).union([0x85, 0x86, 0x87, 0x88, 0x89, 0x8A])
        let forbidden = (UInt8.min...UInt8.max).filter { code([$0]) == .forbiddenOpcode }
        #expect(forbidden == (UInt8.min...UInt8.max).filter { !known.contains($0) })
    }

    @Test(arguments: [[], [0x80], [0x80, 3, 0x4E, 0x2E], [0x80, 4, 0x4E, 0x2E], [0x4E, 0x2E]] as [[UInt8]])
    func `a pickle that does not begin with protocol 2 is refused`(pickle: [UInt8]) throws {
        let error = try #require(refusal(of: ZipFixture(pickle: pickle).bytes))
        #expect([.malformed, .truncated].contains(error.code))
    }

    @Test(arguments: [
        "", "t", "u", "s", "R", "b", "Q", "a", "e", "q\u{0}", "r\u{0}\u{0}\u{0}\u{0}", "h\u{0}", "NN", "(", "N(",
        "(q\u{0}t",
        "N(R", "((tR", "]}s", "}Na", "}(Nu", "])b", "}}b", "NNR", "N)R", ")Q", "NQ", "NNs", "}(NNNu", "(NQ", "N(s",
        "}]b", "}(X\u{1}\u{0}\u{0}\u{0}aNub", "\u{0}",
    ])
    func `stacks that do not fit are refused`(body: String) {
        let code = code(Array(body.utf8))
        #expect(code == .malformed || code == .forbiddenOpcode)
    }

    @Test func `a dictionary that holds itself, and a tower of tuples, are refused without recursing`() {
        #expect(code(Array("}q\u{0}X\u{1}\u{0}\u{0}\u{0}ah\u{0}s".utf8)) == .notStateDict)
        #expect(code(Array("N".utf8) + Array(repeating: 0x85, count: 500_000)) == .notStateDict)
        #expect(code(Array("N".utf8) + Array(repeating: 0x85, count: 1 << 20)) == .tooLarge)
        #expect(code(Array(repeating: UInt8(ascii: "("), count: 500_000)) == .malformed)
    }

    @Test func `text that claims more bytes than there are is refused before memory is taken`() {
        #expect(code(Array("X".utf8) + [0xFF, 0xFF, 0xFF, 0xFF]) == .truncated)
        #expect(code(Array("c".utf8) + Array(repeating: UInt8(ascii: "n"), count: 5000)) == .malformed)
        #expect(code(Array("X".utf8) + [1, 0, 0, 0, 0xFF]) == .malformed)
    }

    @Test func `integers of more than 64 bits are refused, negative ones are understood`() {
        #expect(code([0x8A, 9] + Array(repeating: 0, count: 9)) == .malformed)
        #expect(code(tensor: Pickle.tensor(offset: Pickle.long(-1))) == .storage)
        #expect(code(tensor: Pickle.tensor(offset: [0x8A, 1, 0xFF])) == .storage)
        #expect(code(tensor: Pickle.tensor(offset: [0x8A, 0])) == nil)
    }

    @Test(arguments: [-1, 1, 2, 3, .max, .max - 1, .min])
    func `offsets outside the storage are refused`(offset: Int) {
        #expect(code(tensor: Pickle.tensor(offset: Pickle.long(offset))) == .storage)
    }

    @Test(arguments: [
        ([3], [1], WeightsError.Code.storage), ([2], [2], .storage), ([2], [-1], .storage), ([2], [.max], .storage),
        ([2], [.min], .storage), ([2], [0], .storage), ([3], [0], .storage), ([.max], [1], .storage),
        ([.max], [0], .storage),
        ([.max, .max], [1, 1], .storage), ([1 << 32, 1 << 32], [0, 0], .storage), ([2, 2], [1, 1], .storage),
        ([2, 1], [1], .storage), ([2], [1, 1], .storage), ([], [1], .storage), ([0], [1], .shape), ([-2], [1], .shape),
        ([.min], [1], .shape), ([1, 1, 1, 1, 1, 1, 1, 1, 2], [1, 1, 1, 1, 1, 1, 1, 1, 1], .shape),
        ([2, 1], [1, 7], nil), ([1, 2], [.max, 1], nil), ([1, 2], [-5, 1], nil), ([], [], nil),
    ])
    func `shapes and strides must lie inside the storage, which holds each value once`(
        shape: [Int], strides: [Int], expected: WeightsError.Code?
    ) {
        let tensor = Pickle.tensor(shape: shape.map(Pickle.long), strides: strides.map(Pickle.long))
        #expect(code(tensor: tensor) == expected)
    }

    @Test(arguments: [-1, 0, 1, 3, 1 << 28 + 1, .max, .min])
    func `storages must be as long as they claim`(count: Int) {
        #expect(code(tensor: Pickle.tensor(storage: Pickle.storage(count: Pickle.long(count)))) == .storage)
    }

    @Test func `a storage that changes its length, and names used twice, are refused`() {
        let other = Pickle.tensor(storage: Pickle.storage(count: Pickle.integer(1)), shape: [], strides: [])
        #expect(code(Pickle.dictionary(Pickle.item("a", Pickle.tensor()) + Pickle.item("b", other))) == .storage)
        let half = Pickle.tensor(shape: [], strides: [])
        #expect(code(Pickle.dictionary(Pickle.item("a", half) + Pickle.item("b", half))) == nil)
        #expect(code(Pickle.dictionary(Pickle.item("a", half) + Pickle.item("a", half))) == .duplicateName)
    }

    @Test func `hooks, and state other than the metadata, are refused`() {
        let hooks = Pickle.hooks + Array("NNs".utf8)
        #expect(code(tensor: Pickle.tensor(hooks: hooks)) == .malformed)
        let state = Pickle.dictionary(Pickle.item("w", Pickle.tensor()))
        let metadata = Array("}".utf8) + Pickle.text("_metadata")
        #expect(code(state + metadata + Array("}sb".utf8)) == nil)
        #expect(code(state + metadata + Array("Nsb".utf8)) == .malformed)
        #expect(code(state + Array("}".utf8) + Pickle.text("__class__") + Array("}sb".utf8)) == .malformed)
    }
}
