import Foundation
import PatchClassifier
import Testing

@Suite struct WeightsTests {
    @Test(arguments: ["small_archive.pt", "small_stream.pt", "small_plain_dictionary.pt"])
    func `PyTorch files give the tensors that PyTorch saved, in its order`(file: String) throws {
        let weights = try Weights(contentsOf: WeightsFixtures.bytes(file))
        #expect(try bits(weights.tensors) == bits(WeightsFixtures.expected("tensors")))
    }

    @Test(arguments: ["small.safetensors", "metadata.safetensors"])
    func `safetensors files give the same tensors, in the order of layers`(file: String) throws {
        let weights = try Weights(contentsOf: WeightsFixtures.bytes(file))
        #expect(try bits(weights.tensors) == bits(WeightsFixtures.expected("tensors")))
    }

    @Test(arguments: ["views_archive.pt", "views_stream.pt"])
    func `transposed, offset and stepped views are gathered into row-major order`(file: String) throws {
        let weights = try Weights(contentsOf: WeightsFixtures.bytes(file))
        #expect(try weights.tensors == WeightsFixtures.expected("views"))
    }

    @Test(arguments: [
        ("refused_half.pt", WeightsError.Code.unsupportedType),
        ("refused_int64.pt", .unsupportedType),
        ("half.safetensors", .unsupportedType),
        ("refused_checkpoint.pt", .notStateDict),
        ("refused_tensor_alone.pt", .notStateDict),
        ("refused_list.pt", .notStateDict),
        ("refused_number_as_name.pt", .notStateDict),
        ("refused_parameter.pt", .forbiddenGlobal),
        ("refused_module.pt", .forbiddenGlobal),
        ("refused_shared.pt", .storage),
        ("refused_expanded.pt", .storage),
        ("refused_nan.pt", .notFinite),
        ("refused_infinite.pt", .notFinite),
        ("refused_empty.pt", .noTensors),
        ("refused_zero_sized.pt", .shape),
        ("refused_protocol_4.pt", .malformed),
        ("refused_script.pt", .archive),
    ])
    func `files that PyTorch writes but that are no float32 state_dict are refused`(
        file: String, code: WeightsError.Code
    ) throws {
        let error = try #require(refusal(of: WeightsFixtures.bytes(file)))
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains("expected"))
    }

    @Test(
        arguments: [
            [], [0x80], Array("GGUF....{".utf8), [0x1F, 0x8B, 8], [0x89, 0x48, 0x44, 0x46, 0, 0, 0, 0, 0x7C],
            [0x50, 0x4B, 5, 6], [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0, 0, 0], Array(repeating: 0, count: 64),
        ] as [[UInt8]])
    func `bytes of another kind are refused as such`(bytes: [UInt8]) throws {
        let error = try #require(refusal(of: bytes))
        #expect([.unrecognizedFormat, .tooLarge].contains(error.code), "\(error)")
    }

    @Test func `the canonical bytes are what the safetensors library writes, whatever file they came from`() throws {
        let library = try WeightsFixtures.bytes("small.safetensors")
        for file in ["small_archive.pt", "small_stream.pt", "small.safetensors", "metadata.safetensors"] {
            let weights = try Weights(contentsOf: WeightsFixtures.bytes(file))
            #expect(weights.safetensors() == library)
            #expect(weights.canonicalBytes == library)
        }
    }

    @Test func `names with quotes, backslashes and letters of any script survive writing and reading`() throws {
        let names = ["a\"b", "c\\d", "Größe.weight", "é", "\"\u{301}"]
        let tensors = names.map { Weights.Tensor(name: $0, shape: [1], values: [1]) }
        let read = try Weights(contentsOf: Weights(tensors: tensors).safetensors())
        #expect(Set(read.tensors.map(\.name)) == Set(names))
    }

    @Test func `the largest header that the limits allow is written and read again`() throws {
        let tensors = (0..<4096).map { index in
            let name = String(repeating: "\"", count: 252) + "\(1000 + index)"
            return Weights.Tensor(name: name, shape: Array(repeating: 1, count: 8), values: [1])
        }
        let weights = try Weights(tensors: tensors)
        #expect(try Weights(contentsOf: weights.safetensors()).canonicalBytes == weights.canonicalBytes)
    }

    @Test func `convolutions come before linear layers, numbers are counted, weight before bias`() throws {
        let names = [
            "features.0.weight", "features.0.bias", "features.3.weight", "features.3.bias", "features.12.weight",
            "classifier.1.weight", "classifier.1.bias", "classifier.10.weight", "classifier.10.bias",
        ]
        let tensors = names.reversed().map { name in
            let rank = name.hasSuffix("bias") ? 1 : name.hasPrefix("features") ? 4 : 2
            return Weights.Tensor(name: name, shape: Array(repeating: 1, count: rank), values: [1])
        }
        let read = try Weights(contentsOf: Weights(tensors: tensors).safetensors())
        #expect(read.tensors.map(\.name) == names)
    }

    @Test(arguments: [
        (WeightsError.Code.noTensors, []),
        (.duplicateName, [tensor("a"), tensor("b"), tensor("a")]),
        (.name, [tensor("")]),
        (.name, [tensor("line\nfeed")]),
        (.name, [tensor("__metadata__")]),
        (.name, [tensor(String(repeating: "n", count: 257))]),
        (.shape, [tensor("a", shape: [2])]),
        (.shape, [tensor("a", shape: [-1])]),
        (.shape, [tensor("a", shape: [0], values: [])]),
        (.shape, [tensor("a", shape: [.max, .max], values: [])]),
        (.shape, [tensor("a", shape: Array(repeating: 1, count: 9))]),
        (.notFinite, [tensor("a", values: [.nan])]),
        (.notFinite, [tensor("a", values: [.infinity])]),
        (.tooLarge, (0..<4097).map { tensor("t\($0)") }),
    ])
    func `tensors that no network can hold are refused`(code: WeightsError.Code, tensors: [Weights.Tensor]) {
        let error = #expect(throws: WeightsError.self) { try Weights(tensors: tensors) }
        #expect(error?.code == code)
        #expect(error?.message.contains("\n") == false)
    }

    private static func tensor(_ name: String, shape: [Int] = [1], values: [Float] = [1]) -> Weights.Tensor {
        Weights.Tensor(name: name, shape: shape, values: values)
    }

    /// Compared as bits, because -0 equals 0 as a value.
    private func bits(_ tensors: [Weights.Tensor]) -> [String] {
        tensors.map { "\($0.name) \($0.shape) \($0.values.map(\.bitPattern))" }
    }
}

@Suite struct WeightsFileTests {
    @Test func `a file is read, and an error names its path`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let file = folder.appendingPathComponent("small.safetensors")
        let bytes = try WeightsFixtures.bytes("small.safetensors")
        try Data(bytes).write(to: file)
        #expect(try Weights.read(path: file.path) == Weights(contentsOf: bytes))

        try Data(bytes.dropLast()).write(to: file)
        let error = #expect(throws: WeightsError.self) { try Weights.read(path: file.path) }
        #expect(error?.code == .truncated)
        #expect(error?.message.hasPrefix(file.path) == true)
    }

    @Test(arguments: ["/nowhere/at/all.pt", "/", "/dev/zero"])
    func `what is no file is refused without being read`(path: String) {
        let error = #expect(throws: WeightsError.self) { try Weights.read(path: path) }
        #expect(error?.code == .unreadable)
    }

    @Test(
        .enabled(if: WeightsFixtures.isSharedPresent, "the shared folder of published weights is absent"),
        arguments: ["seed_cnn_weights.pt", "packt_cnn_weights.pt", "baseline.pt"])
    func `published weights give the layers of the seed architecture`(file: String) throws {
        let weights = try Weights.read(path: WeightsFixtures.shared.appendingPathComponent(file).path)
        #expect(weights.tensors.map { "\($0.name) \($0.shape)" } == Self.seedArchitecture)
        #expect(weights.tensors.map(\.values.count).reduce(0, +) == 127_230)
        #expect(try Weights(contentsOf: weights.safetensors()) == weights)
    }

    @Test func `the shipped model is in canonical form and of the seed architecture`() throws {
        let bytes = try Array(Data(contentsOf: WeightsFixtures.shippedModel))
        let weights = try Weights(contentsOf: bytes)
        #expect(weights.canonicalBytes == bytes)
        #expect(weights.tensors.map { "\($0.name) \($0.shape)" } == Self.seedArchitecture)
    }

    @Test(.enabled(if: WeightsFixtures.isSharedPresent, "the shared folder of published weights is absent"))
    func `the shipped model holds the values of the baseline`() throws {
        let baseline = try Weights.read(path: WeightsFixtures.shared.appendingPathComponent("baseline.pt").path)
        #expect(try Array(Data(contentsOf: WeightsFixtures.shippedModel)) == baseline.canonicalBytes)
    }

    private static let seedArchitecture = [
        "conv1.weight [8, 3, 3, 3]", "conv1.bias [8]", "conv2.weight [16, 8, 3, 3]", "conv2.bias [16]",
        "conv3.weight [32, 16, 3, 3]", "conv3.bias [32]", "conv4.weight [64, 32, 3, 3]", "conv4.bias [64]",
        "fc1.weight [100, 1024]", "fc1.bias [100]", "fc2.weight [2, 100]", "fc2.bias [2]",
    ]
}
