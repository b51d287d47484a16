/// Tensors of a file that keeps no order, in the network's order: convolutions before linear layers, layers by name
/// with numbers counted (conv2 before conv10), a layer's weight before its bias.
func inLayerOrder(_ tensors: [Weights.Tensor]) -> [Weights.Tensor] {
    var ranks: [String: Int] = [:]
    let keyed = tensors.map { (tensor: $0, key: LayerKey($0.name)) }
    for (tensor, key) in keyed {
        ranks[key.layer] = max(ranks[key.layer] ?? 0, tensor.shape.count)
    }
    return keyed.sorted { left, right in
        let (leftRank, rightRank) = (ranks[left.key.layer] ?? 0, ranks[right.key.layer] ?? 0)
        return leftRank == rightRank ? left.key < right.key : leftRank > rightRank
    }.map(\.tensor)
}

/// A tensor's name as layer and parameter: "conv1.weight" is the weight of layer conv1.
private struct LayerKey: Comparable {
    let layer: String
    let chunks: [Chunk]
    let parameterRank: Int
    let name: [UInt8]

    /// A run of digits, or of anything else.
    enum Chunk: Comparable {
        /// Digits without leading zeros: the longer number is the larger one.
        case number(length: Int, digits: [UInt8])
        case text([UInt8])

        static func < (left: Chunk, right: Chunk) -> Bool {
            switch (left, right) {
            case (.number(let leftLength, let leftDigits), .number(let rightLength, let rightDigits)):
                leftLength == rightLength ? leftDigits.lexicographicallyPrecedes(rightDigits) : leftLength < rightLength
            case (.text(let left), .text(let right)): left.lexicographicallyPrecedes(right)
            case (.number, .text): true
            case (.text, .number): false
            }
        }
    }

    init(_ name: String) {
        let dot = name.lastIndex(of: ".")
        let parameter = dot.map { name[name.index(after: $0)...] } ?? name[...]
        layer = dot.map { String(name[..<$0]) } ?? ""
        chunks = LayerKey.chunks(of: Array(layer.utf8))
        parameterRank = parameter == "weight" ? 0 : parameter == "bias" ? 1 : 2
        self.name = Array(name.utf8)
    }

    static func < (left: LayerKey, right: LayerKey) -> Bool {
        if left.chunks != right.chunks { return left.chunks.lexicographicallyPrecedes(right.chunks) }
        if left.layer == right.layer, left.parameterRank != right.parameterRank {
            return left.parameterRank < right.parameterRank
        }
        return left.name.lexicographicallyPrecedes(right.name)
    }

    private static func chunks(of layer: [UInt8]) -> [Chunk] {
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        var chunks: [Chunk] = []
        var rest = layer[...]
        while let first = rest.first {
            let run = rest.prefix { isDigit($0) == isDigit(first) }
            rest = rest.dropFirst(run.count)
            let digits = Array(run.drop { $0 == UInt8(ascii: "0") })
            chunks.append(isDigit(first) ? .number(length: digits.count, digits: digits) : .text(Array(run)))
        }
        return chunks
    }
}
