/// The pickle opcodes that a state_dict saved by `torch.save` (protocol 2) is made of; any other one is refused.
enum PickleOpcode: UInt8 {
    case mark = 0x28
    case emptyTuple = 0x29
    case stop = 0x2E
    case int32 = 0x4A
    case uint8 = 0x4B
    case uint16 = 0x4D
    case none = 0x4E
    case persistentID = 0x51
    case reduce = 0x52
    case text = 0x58
    case emptyList = 0x5D
    case append = 0x61
    case build = 0x62
    case global = 0x63
    case appends = 0x65
    case get = 0x68
    case longGet = 0x6A
    case put = 0x71
    case longPut = 0x72
    case setItem = 0x73
    case tuple = 0x74
    case setItems = 0x75
    case emptyDictionary = 0x7D
    case proto = 0x80
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case newTrue = 0x88
    case newFalse = 0x89
    case long = 0x8A
}

/// What a pickle may name from outside itself: plain marks, nothing is ever looked up or called.
enum PickleGlobal: String {
    case orderedDictionary = "collections.OrderedDict"
    case rebuildTensor = "torch._utils._rebuild_tensor_v2"
    case floatStorage = "torch.FloatStorage"
}

/// A value on the pickle stack. Containers are indices into the reader's arenas, so values are flat: no hostile
/// nesting can make anything recurse.
enum PickleValue: Equatable {
    case none
    case bool(Bool)
    case integer(Int)
    case text(String)
    case global(PickleGlobal)
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case storage(Int)
    case tensor(Int)
}

/// Reads one pickle by interpreting a closed set of opcodes over a bounded stack; it executes nothing.
struct PickleReader {
    /// Far above what 4,096 tensors need; bounds time and memory.
    static let maximumOpcodes = 1 << 20

    private(set) var cursor: ByteCursor
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private(set) var tuples: [[PickleValue]] = []
    private(set) var lists: [[PickleValue]] = []
    private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [StorageReference] = []
    var storageIndices: [String: Int] = [:]
    var tensors: [TensorReference] = []

    init(_ bytes: [UInt8], in range: Range<Int>, subject: String) {
        cursor = ByteCursor(bytes, in: range, subject: subject)
    }

    /// Interprets up to the STOP opcode and gives the one value left; the cursor then stands behind it.
    mutating func read() throws(WeightsError) -> PickleValue {
        guard try cursor.byte() == PickleOpcode.proto.rawValue, try cursor.byte() == 2 else {
            throw malformed("a pickle of protocol 2, torch.save's default, was expected")
        }
        for _ in 0..<PickleReader.maximumOpcodes {
            let code = try cursor.byte()
            guard let opcode = PickleOpcode(rawValue: code), opcode != .proto else {
                throw WeightsError(
                    .forbiddenOpcode,
                    "\(cursor.subject) holds opcode 0x\(String(code, radix: 16)) at byte \(cursor.position - 1), only "
                        + "the opcodes of a state_dict saved by torch.save with its default protocol were expected")
            }
            if opcode == .stop { return try result() }
            try interpret(opcode)
        }
        throw WeightsError(
            .tooLarge, "\(cursor.subject) holds more than the \(PickleReader.maximumOpcodes) opcodes expected at most")
    }

    private mutating func result() throws(WeightsError) -> PickleValue {
        let value = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw malformed("one value at its end was expected") }
        return value
    }

    private mutating func interpret(_ opcode: PickleOpcode) throws(WeightsError) {
        switch opcode {
        case .proto, .stop: break
        case .none: stack.append(.none)
        case .newTrue: stack.append(.bool(true))
        case .newFalse: stack.append(.bool(false))
        case .uint8: stack.append(.integer(Int(try cursor.byte())))
        case .uint16: stack.append(.integer(try cursor.unsigned16()))
        case .int32: stack.append(.integer(try cursor.signed32()))
        case .long: stack.append(.integer(try long()))
        case .text: stack.append(.text(try cursor.text(try cursor.unsigned32())))
        case .global: stack.append(.global(try global()))
        case .mark: marks.append(stack.count)
        case .emptyTuple: pushTuple([])
        case .tuple1: pushTuple(try pop(1))
        case .tuple2: pushTuple(try pop(2))
        case .tuple3: pushTuple(try pop(3))
        case .tuple: pushTuple(try popToMark())
        case .emptyList:
            lists.append([])
            stack.append(.list(lists.count - 1))
        case .emptyDictionary: pushDictionary()
        case .append: try append([try pop()])
        case .appends: try append(try popToMark())
        case .setItem: try setItems(try pop(2))
        case .setItems: try setItems(try popToMark())
        case .put: memo[Int(try cursor.byte())] = try top()
        case .longPut: memo[try cursor.unsigned32()] = try top()
        case .get: try recall(Int(try cursor.byte()))
        case .longGet: try recall(try cursor.unsigned32())
        case .persistentID: stack.append(try storage(named: try pop()))
        case .reduce: try reduce()
        case .build: try build()
        }
    }
}

// MARK: - Opcodes

extension PickleReader {
    /// A little-endian two's complement integer of at most 8 bytes.
    private mutating func long() throws(WeightsError) -> Int {
        let count = Int(try cursor.byte())
        guard count <= 8 else { throw malformed("an integer of at most 64 bits was expected") }
        let range = try cursor.take(count)
        let isNegative = range.last.map { cursor.bytes[$0] >= 0x80 } ?? false
        let start: UInt64 = isNegative ? .max : 0
        return Int(truncatingIfNeeded: range.reversed().reduce(start) { $0 << 8 | UInt64(cursor.bytes[$1]) })
    }

    private mutating func global() throws(WeightsError) -> PickleGlobal {
        let (module, member) = (try line(), try line())
        if let global = PickleGlobal(rawValue: "\(module).\(member)") { return global }
        if module == "torch", member.hasSuffix("Storage") {
            throw WeightsError(
                .unsupportedType,
                "\(cursor.subject) holds values of type \(quoted("torch.\(member)")), float32 values "
                    + "('torch.FloatStorage') were expected")
        }
        throw WeightsError(
            .forbiddenGlobal,
            "\(cursor.subject) asks for \(quoted("\(module).\(member)")), which is not looked up or run: only the "
                + "tensors of a state_dict, saved by torch.save(model.state_dict(), …), were expected")
    }

    /// Text up to a line feed, without it.
    private mutating func line() throws(WeightsError) -> String {
        let rest = cursor.bytes[cursor.position..<cursor.end]
        guard let end = rest.prefix(256).firstIndex(of: 0x0A) else {
            if rest.count < 256 { _ = try cursor.take(256) }
            throw malformed("a name of at most 255 bytes was expected")
        }
        defer { cursor.skip() }
        return try cursor.text(end - cursor.position)
    }

    private mutating func recall(_ index: Int) throws(WeightsError) {
        guard let value = memo[index] else { throw malformed("memo \(index) was never stored") }
        stack.append(value)
    }

    private mutating func append(_ values: [PickleValue]) throws(WeightsError) {
        guard case .list(let index) = try top() else { throw malformed("a list to append to was expected") }
        lists[index] += values
    }

    private mutating func setItems(_ items: [PickleValue]) throws(WeightsError) {
        guard case .dictionary(let index) = try top(), items.count.isMultiple(of: 2) else {
            throw malformed("a dictionary and pairs to put into it were expected")
        }
        for place in stride(from: 0, to: items.count, by: 2) {
            dictionaries[index].append((key: items[place], value: items[place + 1]))
        }
    }

    /// The only two calls in a state_dict: an empty OrderedDict, and a tensor from its storage.
    private mutating func reduce() throws(WeightsError) {
        let parts = try pop(2)
        guard case .global(let global) = parts[0], case .tuple(let index) = parts[1] else {
            throw malformed("a call of a known name with a tuple was expected")
        }
        switch global {
        case .orderedDictionary where tuples[index].isEmpty: pushDictionary()
        case .rebuildTensor: stack.append(try tensor(from: tuples[index]))
        case .orderedDictionary, .floatStorage:
            throw malformed("an empty OrderedDict or a tensor was expected, not a call of \(global.rawValue)")
        }
    }

    /// The only state in a state_dict is the `_metadata` of its OrderedDict, which says nothing about the values.
    private mutating func build() throws(WeightsError) {
        guard case .dictionary(let state) = try pop(), case .dictionary = try top(),
            dictionaries[state].count == 1, let item = dictionaries[state].first, item.key == .text("_metadata"),
            case .dictionary = item.value
        else { throw malformed("an OrderedDict with nothing but '_metadata' as its state was expected") }
    }

    private mutating func pushTuple(_ values: [PickleValue]) {
        tuples.append(values)
        stack.append(.tuple(tuples.count - 1))
    }

    private mutating func pushDictionary() {
        dictionaries.append([])
        stack.append(.dictionary(dictionaries.count - 1))
    }

    /// The values above the last mark can be taken, those below belong to what is still being built.
    private var available: Int { stack.count - (marks.last ?? 0) }

    private func top() throws(WeightsError) -> PickleValue {
        guard available > 0, let value = stack.last else { throw malformed("a value on the stack was expected") }
        return value
    }

    private mutating func pop() throws(WeightsError) -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(_ count: Int) throws(WeightsError) -> [PickleValue] {
        guard available >= count else { throw malformed("\(count) values on the stack were expected") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(WeightsError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw malformed("a mark on the stack was expected") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    func malformed(_ expected: String) -> WeightsError {
        WeightsError(.malformed, "\(cursor.subject) is malformed near byte \(cursor.position): \(expected)")
    }
}
