import CPatch

extension Weights {
    /// The weights as `torch.save` writes a state_dict: a zip file without compression that holds a pickle of an
    /// `OrderedDict` and each tensor's values, little-endian. `torch.load(..., weights_only=True)` reads it.
    public func pyTorchStateDict() -> [UInt8] {
        var archive = ZipWriter()
        archive.add("weights/data.pkl", statePickle)
        archive.add("weights/byteorder", Array("little".utf8))
        for (index, tensor) in tensors.enumerated() {
            archive.add("weights/data/\(index)", tensor.littleEndianBytes)
        }
        archive.add("weights/version", Array("3\n".utf8))
        return archive.finished()
    }

    private var statePickle: [UInt8] {
        var pickle = PickleWriter()
        pickle.orderedDictionary()
        pickle.code(.mark)
        for (index, tensor) in tensors.enumerated() {
            pickle.text(tensor.name)
            pickle.global("torch._utils", "_rebuild_tensor_v2")
            pickle.code(.mark)
            pickle.tuple { pickle in
                pickle.text("storage")
                pickle.global("torch", "FloatStorage")
                pickle.text("\(index)")
                pickle.text("cpu")
                pickle.integer(tensor.values.count)
            }
            pickle.code(.persistentID)
            pickle.integer(0)
            pickle.tuple { pickle in tensor.shape.forEach { pickle.integer($0) } }
            pickle.tuple { pickle in tensor.strides.forEach { pickle.integer($0) } }
            pickle.code(.false)
            pickle.orderedDictionary()
            pickle.code(.tuple)
            pickle.code(.reduce)
        }
        pickle.code(.setItems)
        return pickle.finished()
    }
}

extension Weights.Tensor {
    /// Float32, row-major.
    var littleEndianBytes: [UInt8] {
        values.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) }
    }

    /// Values from one index of each dimension to the next.
    fileprivate var strides: [Int] {
        shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
    }
}

/// A pickle of protocol 2, of the few kinds that a state_dict has.
private struct PickleWriter {
    enum Code: UInt8 {
        case mark = 0x28
        case tuple = 0x74
        case reduce = 0x52
        case persistentID = 0x51
        case `false` = 0x89
        case setItems = 0x75
        case emptyTuple = 0x29
    }

    private var bytes: [UInt8] = [0x80, 2]

    mutating func code(_ code: Code) { bytes.append(code.rawValue) }

    mutating func global(_ module: String, _ name: String) { bytes += Array("c\(module)\n\(name)\n".utf8) }

    mutating func text(_ text: String) {
        let utf8 = Array(text.utf8)
        bytes.append(0x58)
        append(UInt32(utf8.count))
        bytes += utf8
    }

    /// Sizes of tensors, which 32 bits hold.
    mutating func integer(_ value: Int) {
        bytes.append(0x4a)
        append(UInt32(bitPattern: Int32(value)))
    }

    mutating func tuple(_ write: (inout PickleWriter) -> Void) {
        code(.mark)
        write(&self)
        code(.tuple)
    }

    mutating func orderedDictionary() {
        global("collections", "OrderedDict")
        code(.emptyTuple)
        code(.reduce)
    }

    func finished() -> [UInt8] { bytes + [UInt8(ascii: ".")] }

    private mutating func append(_ value: UInt32) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

/// A zip file of stored entries (PKWARE APPNOTE 6.3.10), whose values begin at multiples of 64 bytes as PyTorch's do.
private struct ZipWriter {
    private static let alignment = 64
    /// 1980-01-01: the same weights give the same bytes.
    private static let date: UInt16 = 0x21

    private var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count: UInt16 = 0

    mutating func add(_ name: String, _ content: [UInt8]) {
        let (name, start) = (Array(name.utf8), bytes.count)
        let fixed =
            [UInt8].little(patch_png_checksum(content, content.count)) + .little(UInt32(content.count))
            + .little(UInt32(content.count)) + .little(UInt16(name.count))
        let common = [UInt8].little(UInt16(0)) + .little(UInt16(0)) + .little(UInt16(0)) + .little(Self.date) + fixed
        let unpadded = start + 30 + name.count + 4
        let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
        bytes += .little(UInt32(0x0403_4b50)) + .little(UInt16(20)) + common + .little(UInt16(4 + padding)) + name
        bytes += .little(UInt16(0x4246)) + .little(UInt16(padding)) + [UInt8](repeating: 0x5a, count: padding)
        bytes += content
        directory += .little(UInt32(0x0201_4b50)) + .little(UInt16(20)) + .little(UInt16(20)) + common
        directory += .little(UInt16(0)) + .little(UInt16(0)) + .little(UInt16(0)) + .little(UInt16(0))
        directory += .little(UInt32(0)) + .little(UInt32(start)) + name
        count += 1
    }

    func finished() -> [UInt8] {
        bytes + directory + .little(UInt32(0x0605_4b50)) + .little(UInt16(0)) + .little(UInt16(0)) + .little(count)
            + .little(count) + .little(UInt32(directory.count)) + .little(UInt32(bytes.count)) + .little(UInt16(0))
    }
}

extension [UInt8] {
    fileprivate static func little(_ value: some FixedWidthInteger) -> [UInt8] {
        Swift.withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
