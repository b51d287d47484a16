/// The learned values of a network: named float32 tensors, checked to be finite and of the shape they claim.
public struct Weights: Sendable, Equatable {
    /// One named array of float32 values, row-major.
    public struct Tensor: Sendable, Equatable {
        public let name: String
        public let shape: [Int]
        public let values: [Float]

        public init(name: String, shape: [Int], values: [Float]) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// Largest file or byte array read, in bytes: 1 GiB.
    public static let maximumBytes = 1 << 30

    /// Largest number of tensors, far above any network of the family.
    static let maximumTensors = 4096
    static let maximumRank = 8
    static let maximumNameBytes = 256

    /// In the network's order: as stored in a PyTorch file, by layer for safetensors (see `inLayerOrder`).
    public let tensors: [Tensor]

    /// Checks names, shapes and values; the tensors keep their order.
    public init(tensors: [Tensor]) throws(WeightsError) {
        guard !tensors.isEmpty else {
            throw WeightsError(.noTensors, "the weights hold no tensors, at least one was expected")
        }
        guard tensors.count <= Weights.maximumTensors else {
            throw WeightsError(
                .tooLarge, "the weights hold \(tensors.count) tensors, at most \(Weights.maximumTensors) were expected")
        }
        var names = Set<[UInt8]>()
        for tensor in tensors {
            try tensor.check()
            guard names.insert(Array(tensor.name.utf8)).inserted else {
                throw WeightsError(.duplicateName, "two tensors are named \(quoted(tensor.name)), one was expected")
            }
        }
        self.tensors = tensors
    }

    /// Reads safetensors, PyTorch's zip format or PyTorch's older stream format, told apart by content.
    public init(contentsOf bytes: [UInt8]) throws(WeightsError) {
        guard bytes.count <= Weights.maximumBytes else {
            throw WeightsError(
                .tooLarge, "the weights are \(bytes.count) bytes, at most \(Weights.maximumBytes) were expected")
        }
        switch try WeightsFormat(of: bytes) {
        case .safetensors:
            self = try Weights(tensors: inLayerOrder(readSafetensors(bytes)))
        case .pyTorchArchive:
            self = try Weights(tensors: readPyTorchArchive(bytes))
        case .pyTorchStream:
            self = try Weights(tensors: readPyTorchStream(bytes))
        }
    }

    /// The bytes whose SHA-256 names these weights, the same for every order and file format they came in: they are
    /// `safetensors()`, so `sha256sum` of an exported file gives the name.
    public var canonicalBytes: [UInt8] { safetensors() }
}

extension Weights.Tensor {
    fileprivate func check() throws(WeightsError) {
        try checkName()
        try checkShape(shape, of: name)
        guard checkedProduct(shape) == values.count else {
            throw WeightsError(.shape, "tensor \(quoted(name)) has shape \(shape) and \(values.count) values")
        }
        guard let index = values.firstIndex(where: { !$0.isFinite }) else { return }
        let found = values[index].isNaN ? "NaN" : "an infinite value"
        throw WeightsError(
            .notFinite, "tensor \(quoted(name)) holds \(found) at index \(index), finite values were expected")
    }

    private func checkName() throws(WeightsError) {
        let printable = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard !name.isEmpty, name.utf8.count <= Weights.maximumNameBytes, printable, name != "__metadata__" else {
            throw WeightsError(
                .name,
                "a tensor is named \(quoted(name)), a name of 1 to \(Weights.maximumNameBytes) bytes without control "
                    + "characters and other than '__metadata__' was expected")
        }
    }
}

/// Refuses shapes of too many dimensions, or with a dimension that is not positive.
func checkShape(_ shape: [Int], of name: String) throws(WeightsError) {
    guard shape.count <= Weights.maximumRank, shape.allSatisfy({ $0 > 0 }) else {
        throw WeightsError(
            .shape,
            "tensor \(quoted(name)) has shape \(shape.prefix(Weights.maximumRank + 1)), up to \(Weights.maximumRank) "
                + "dimensions of 1 or more were expected")
    }
}

/// `count` little-endian float32 values from byte `offset` on; the caller has checked that they are there.
func float32Values(in bytes: [UInt8], at offset: Int, count: Int) -> [Float] {
    bytes.withUnsafeBytes { raw in
        (0..<count).map { index in
            let bits = raw.loadUnaligned(fromByteOffset: offset + 4 * index, as: UInt32.self)
            return Float(bitPattern: UInt32(littleEndian: bits))
        }
    }
}
