internal import CPatch
import PatchClassifier

/// Room for everything between some patches and their loss, and on the way back: one allocation. Belongs to one thread.
final class GradientActivations {
    /// What a convolution left of one patch.
    struct Convolved {
        /// [y][x][channel], pooled.
        let output: UnsafeMutablePointer<Float>
        /// Which of four sums each of them was.
        let choices: UnsafeMutablePointer<Int32>
    }

    /// [patch]: its bytes as floats.
    let pixels: [UnsafeMutablePointer<Float>]
    /// [patch][layer].
    let convolved: [[Convolved]]
    /// [patch][input stride of the first linear layer].
    let features: UnsafeMutablePointer<Float>
    /// [layer]: [patch][output stride], rectified and dropped out but for the last.
    let hidden: [UnsafeMutablePointer<Float>]
    /// Gradients by what goes into a linear layer and what comes out of it, by turns.
    let linearGradients: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
    /// [output][patch].
    let transposed: UnsafeMutablePointer<Float>
    /// The same for convolutions, of one patch.
    let mapGradients: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
    let routed: UnsafeMutablePointer<patch_routed>
    /// [output channel].
    let counts: UnsafeMutablePointer<Int32>

    private let room: UnsafeMutableRawPointer

    init(_ layout: ParameterLayout, patches: Int) {
        var plan = RoomPlan()
        let side = layout.architecture.side
        // The kernels read seven floats more than there are.
        let input = plan.floats(side * side * Architecture.inputChannels + 8, times: patches)
        let maps = layout.convolutions.map { layer in
            let count = layer.shape.outputSide * layer.shape.outputSide * layer.shape.outputStride
            return (output: plan.floats(count + 8, times: patches), choices: plan.floats(count, times: patches))
        }
        let featureStride = layout.linears.first?.inputStride ?? 0
        let widest = layout.linears.reduce(0) { max($0, $1.inputStride, Architecture.stride(of: $1.shape.outputs)) }
        let largest = layout.convolutions.reduce(0) {
            max($0, $1.shape.outputSide * $1.shape.outputSide * $1.shape.outputStride)
        }
        let features = plan.floats(patches * featureStride)
        let hidden = layout.linears.map { plan.floats(patches * Architecture.stride(of: $0.shape.outputs)) }
        let linear = (plan.floats(patches * widest), plan.floats(patches * widest))
        let transposed = plan.floats(patches * widest)
        let map = (plan.floats(largest + 8), plan.floats(largest + 8))
        let entries = layout.convolutions.reduce(0) {
            max($0, $1.shape.outputSide * $1.shape.outputSide * $1.shape.outputChannels)
        }
        let routed = plan.bytes(entries * MemoryLayout<patch_routed>.stride)
        let counts = plan.floats(layout.convolutions.reduce(0) { max($0, $1.shape.outputChannels) })

        let room = plan.allocate()
        func floats(_ offset: Int) -> UnsafeMutablePointer<Float> {
            (room + offset).assumingMemoryBound(to: Float.self)
        }
        self.room = room
        pixels = input.map(floats)
        convolved = (0..<patches).map { patch in
            maps.map { map in
                Convolved(
                    output: floats(map.output[patch]),
                    choices: (room + map.choices[patch]).assumingMemoryBound(to: Int32.self))
            }
        }
        self.features = floats(features)
        self.hidden = hidden.map(floats)
        linearGradients = (floats(linear.0), floats(linear.1))
        self.transposed = floats(transposed)
        mapGradients = (floats(map.0), floats(map.1))
        self.routed = (room + routed).assumingMemoryBound(to: patch_routed.self)
        self.counts = (room + counts).assumingMemoryBound(to: Int32.self)
    }

    deinit { room.deallocate() }
}

/// Places in one allocation, each at the start of a cache line.
struct RoomPlan {
    private var size = 0

    mutating func bytes(_ count: Int) -> Int {
        defer { size += (count + 63) / 64 * 64 }
        return size
    }

    mutating func floats(_ count: Int) -> Int { bytes(count * MemoryLayout<Float>.stride) }

    mutating func floats(_ count: Int, times: Int) -> [Int] { (0..<times).map { _ in floats(count) } }

    /// Zeros.
    func allocate() -> UnsafeMutableRawPointer {
        let room = UnsafeMutableRawPointer.allocate(byteCount: max(size, 64), alignment: 64)
        room.initializeMemory(as: UInt8.self, repeating: 0, count: max(size, 64))
        return room
    }
}
