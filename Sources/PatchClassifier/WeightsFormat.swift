/// The file formats of weights, told apart by their first bytes.
enum WeightsFormat {
    case safetensors
    case pyTorchArchive
    case pyTorchStream

    /// A protocol-2 pickle of 0x1950a86a20f9469cfc6c, with which `torch.save` begins its older stream format.
    static let streamMagic: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]
    static let archiveMagic: [UInt8] = [0x50, 0x4B, 0x03, 0x04]

    init(of bytes: [UInt8]) throws(WeightsError) {
        if bytes.starts(with: WeightsFormat.archiveMagic) {
            self = .pyTorchArchive
        } else if bytes.starts(with: WeightsFormat.streamMagic) {
            self = .pyTorchStream
        } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
            self = .safetensors
        } else {
            let formats = "expected safetensors, or a state_dict saved by torch.save (zip or older stream format)"
            throw WeightsError(.unrecognizedFormat, "\(WeightsFormat.describe(bytes)), \(formats)")
        }
    }

    /// What bytes of another kind are, as far as their beginning tells.
    private static func describe(_ bytes: [UInt8]) -> String {
        let known: [([UInt8], String)] = [
            ([0x89, 0x48, 0x44, 0x46], "this is an HDF5 file (Keras?)"),
            ([0x1F, 0x8B], "this is a gzip file"),
            ([0x50, 0x4B], "this is a zip file that does not begin with an entry"),
            ([0x80], "this is a pickle that does not come from torch.save"),
            (Array("GGUF".utf8), "this is a GGUF file"),
        ]
        if bytes.isEmpty { return "there are no bytes" }
        if let (_, description) = known.first(where: { bytes.starts(with: $0.0) }) { return description }
        let beginning = bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "the beginning (\(beginning.joined(separator: " "))) is of no known format"
    }
}
