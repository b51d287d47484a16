internal import CPatch

/// Room for everything between a patch and its answer: one allocation, made once. Not to be shared by threads.
final class NetworkActivations {
    /// Two places of one size, the output of one layer and the input of the next by turns.
    struct Turns {
        private(set) var input: UnsafeMutablePointer<Float>
        private(set) var output: UnsafeMutablePointer<Float>

        mutating func turn() { (input, output) = (output, input) }
    }

    /// [y][x][channel] of one patch.
    let pixels: Turns
    /// What `winograd-1` works in.
    let tiles: UnsafeMutablePointer<Float>
    /// [patch][feature]: the flattened output of the last convolution.
    let features: UnsafeMutablePointer<Float>
    /// [patch][output].
    let hidden: Turns
    private let room: UnsafeMutableRawPointer

    init(_ network: Network, patches: Int) {
        let architecture = network.architecture
        let line = 64, floatsPerLine = line / MemoryLayout<Float>.stride
        func rounded(_ count: Int) -> Int { (count + floatsPerLine - 1) / floatsPerLine * floatsPerLine }
        let layers = architecture.convolutions.map { $0.outputSide * $0.outputSide * $0.outputStride }
        var first = patch_convolution(
            architecture.convolutions[0], inputStride: Architecture.inputChannels, weights: nil, bias: nil)
        let input = Int(patch_bytes_room(&first))
        let pixelCount = rounded(layers.reduce(input, max))
        let featureCount = rounded(patches * architecture.features)
        let hiddenCount = rounded(patches * architecture.linears.reduce(0) { max($0, $1.outputStride) })

        let tileCount = rounded(
            architecture.convolutions.enumerated().map { place, layer in
                guard network.arithmetic.transforms(layer, at: place) else { return 0 }
                var layer = patch_convolution(
                    layer, inputStride: Architecture.stride(of: layer.inputChannels), weights: nil, bias: nil)
                return Int(patch_winograd_room(&layer))
            }.reduce(0, max))

        let count = 2 * pixelCount + featureCount + 2 * hiddenCount + tileCount
        room = .allocate(byteCount: count * MemoryLayout<Float>.stride, alignment: line)
        let floats = room.initializeMemory(as: Float.self, repeating: 0, count: count)
        pixels = Turns(input: floats, output: floats + pixelCount)
        features = floats + 2 * pixelCount
        hidden = Turns(input: features + featureCount, output: features + featureCount + hiddenCount)
        tiles = features + featureCount + 2 * hiddenCount
    }

    deinit { room.deallocate() }
}
