extension Network {
    /// The network as an ONNX model (opset 13, IR version 8): input `patches`, float32 [batch, 3, side, side], RGB divided
    /// by 255; output `log_probabilities`, float32 [batch, 2], normal then tumour. `notes` become its metadata.
    ///
    /// - Throws: `.tensors` where the weights are not this network's.
    public static func onnx(_ weights: Weights, side: Int? = nil, notes: [(String, String)]) throws(NetworkError)
        -> [UInt8]
    {
        let architecture = try Architecture(weights, side: side)
        var graph = ONNXGraph(weights)
        for (index, layer) in architecture.convolutions.enumerated() {
            graph.layer(
                "Conv", "conv\(index + 1)",
                [.integers("kernel_shape", [layer.kernelSide, layer.kernelSide]), .integers("strides", [1, 1])])
            graph.node("Relu", "relu\(index + 1)")
            graph.node(
                "MaxPool", "pool\(index + 1)", [.integers("kernel_shape", [2, 2]), .integers("strides", [2, 2])])
        }
        graph.node("Flatten", "features", [.integer("axis", 1)])
        for index in architecture.linears.indices {
            graph.layer("Gemm", "linear\(index + 1)", [.integer("transB", 1)])
            if index < architecture.linears.count - 1 { graph.node("Relu", "hidden\(index + 1)") }
        }
        graph.node("LogSoftmax", ONNXGraph.output, [.integer("axis", 1)])
        return graph.model(side: architecture.side, notes)
    }
}

/// A chain of nodes with its tensors, as protocol buffers (onnx.proto of ONNX 1.14).
private struct ONNXGraph {
    static let input = "patches"
    static let output = "log_probabilities"

    enum Attribute {
        case integer(String, Int)
        case integers(String, [Int])

        var message: ProtocolBuffer {
            var message = ProtocolBuffer()
            switch self {
            case .integer(let name, let value):
                message.text(1, name)
                message.integer(3, value)
                message.integer(20, 2)
            case .integers(let name, let values):
                message.text(1, name)
                for value in values { message.integer(8, value) }
                message.integer(20, 7)
            }
            return message
        }
    }

    private var tensors: ArraySlice<Weights.Tensor>
    private var nodes: [ProtocolBuffer] = []
    private var initializers: [ProtocolBuffer] = []
    /// What the node before gives.
    private var last = input

    init(_ weights: Weights) { tensors = weights.tensors[...] }

    /// A node that takes the next weight and bias.
    mutating func layer(_ kind: String, _ name: String, _ attributes: [Attribute]) {
        let own = tensors.prefix(2)
        tensors = tensors.dropFirst(2)
        for tensor in own {
            var initializer = ProtocolBuffer()
            for size in tensor.shape { initializer.integer(1, size) }
            initializer.integer(2, 1)
            initializer.text(8, tensor.name)
            initializer.bytes(9, tensor.littleEndianBytes)
            initializers.append(initializer)
        }
        node(kind, name, attributes, own.map(\.name))
    }

    mutating func node(_ kind: String, _ name: String, _ attributes: [Attribute] = [], _ parameters: [String] = []) {
        var node = ProtocolBuffer()
        for input in [last] + parameters { node.text(1, input) }
        node.text(2, name)
        node.text(3, name)
        node.text(4, kind)
        for attribute in attributes { node.message(5, attribute.message) }
        nodes.append(node)
        last = name
    }

    func model(side: Int, _ notes: [(String, String)]) -> [UInt8] {
        var graph = ProtocolBuffer()
        for node in nodes { graph.message(1, node) }
        graph.text(2, "sentinode")
        for initializer in initializers { graph.message(5, initializer) }
        graph.message(11, ONNXGraph.value(ONNXGraph.input, [Architecture.inputChannels, side, side]))
        graph.message(12, ONNXGraph.value(ONNXGraph.output, [Architecture.classes]))
        var opset = ProtocolBuffer()
        opset.integer(2, 13)
        var model = ProtocolBuffer()
        model.integer(1, 8)
        model.text(2, "sentinode")
        model.message(7, graph)
        model.message(8, opset)
        for (key, value) in notes {
            var entry = ProtocolBuffer()
            entry.text(1, key)
            entry.text(2, value)
            model.message(14, entry)
        }
        return model.content
    }

    /// A float32 value with any number of rows.
    private static func value(_ name: String, _ sizes: [Int]) -> ProtocolBuffer {
        var shape = ProtocolBuffer()
        var batch = ProtocolBuffer()
        batch.text(2, "batch")
        shape.message(1, batch)
        for size in sizes {
            var dimension = ProtocolBuffer()
            dimension.integer(1, size)
            shape.message(1, dimension)
        }
        var tensor = ProtocolBuffer()
        tensor.integer(1, 1)
        tensor.message(2, shape)
        var type = ProtocolBuffer()
        type.message(1, tensor)
        var value = ProtocolBuffer()
        value.text(1, name)
        value.message(2, type)
        return value
    }
}

/// A message of fields in the order in which they are added (Protocol Buffers' encoding).
private struct ProtocolBuffer {
    private(set) var content: [UInt8] = []

    /// Not negative.
    mutating func integer(_ field: Int, _ value: Int) {
        variable(field << 3)
        variable(value)
    }

    mutating func bytes(_ field: Int, _ value: [UInt8]) {
        variable(field << 3 | 2)
        variable(value.count)
        content += value
    }

    mutating func text(_ field: Int, _ value: String) { bytes(field, Array(value.utf8)) }
    mutating func message(_ field: Int, _ value: ProtocolBuffer) { bytes(field, value.content) }

    private mutating func variable(_ value: Int) {
        var rest = UInt(value)
        while rest >= 128 {
            content.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        content.append(UInt8(rest))
    }
}
