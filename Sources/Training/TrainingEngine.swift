internal import CPatch
import Dispatch
import PatchClassifier
import Synchronization

/// Parameters, the optimizer's moments, and the threads' workspaces: makes one step after another.
///
/// A batch is cut into parts of `GradientWorkspace.capacity` patches whatever the number of threads is. Any thread takes
/// any part; parts are added up in their order. So the same steps give the same bits on any number of threads.
///
/// `@unchecked Sendable`: a step has two phases, which `concurrentPerform` separates. In the first each part is one
/// thread's, with the workspace of that thread, and parameters are only read; in the second each range of parameters is.
final class TrainingEngine: @unchecked Sendable {
    /// One float a parameter each, in the layout's order.
    struct State {
        var parameters: [Float]
        var mean: [Float]
        var square: [Float]
        /// Weights averaged over steps; empty where they are not.
        var average: [Float]
        var steps: Int
    }

    /// Floats of one range of parameters.
    private static let range = 4096

    let layout: ParameterLayout
    private let recipe: Recipe
    private let forward: ForwardWeights
    private let threads: Int
    private let workspaces: [GradientWorkspace]
    private let room: UnsafeMutableRawPointer
    private let parameters, mean, square, average, sum, arranged, parts: UnsafeMutablePointer<Float>
    private(set) var steps = 0

    init(_ weights: Weights, _ architecture: Architecture, _ recipe: Recipe, kernel: Kernel, threads: Int) {
        let layout = ParameterLayout(architecture), forward = ForwardWeights(layout)
        (self.layout, self.forward, self.recipe) = (layout, forward, recipe)
        self.threads = max(1, threads)
        workspaces = (0..<self.threads).map { _ in
            GradientWorkspace(layout, forward, recipe, kernel: kernel)
        }
        let partCount = (recipe.batchSize + GradientWorkspace.capacity - 1) / GradientWorkspace.capacity
        var plan = RoomPlan()
        let places = plan.floats(layout.count, times: 5 + partCount), last = plan.floats(forward.count)
        let room = plan.allocate()
        func floats(_ offset: Int) -> UnsafeMutablePointer<Float> {
            (room + offset).assumingMemoryBound(to: Float.self)
        }
        self.room = room
        (parameters, mean, square) = (floats(places[0]), floats(places[1]), floats(places[2]))
        (average, sum, parts) = (floats(places[3]), floats(places[4]), floats(places[5]))
        arranged = floats(last)
        let values = layout.parameters(of: weights)
        for (index, value) in values.enumerated() { (parameters[index], average[index]) = (value, value) }
        arrange()
    }

    deinit { room.deallocate() }

    /// One step of the optimizer over these items. Gives the loss, a weighted mean over the batch, of before the step.
    ///
    /// - Throws: `.diverged` for a loss or a gradient that is no finite number; nothing has changed then.
    func step(_ items: [GradientWorkspace.Item], learningRate: Double) throws(TrainingError) -> Double {
        let losses = gradient(of: items)
        let loss = zip(items, losses).reduce(0) { $0 + $1.0.share * $1.1 }
        guard loss.isFinite else { throw TrainingError(.diverged, "the loss is no finite number") }
        let partCount = (items.count + GradientWorkspace.capacity - 1) / GradientWorkspace.capacity
        guard addUp(partCount) else { throw TrainingError(.diverged, "a gradient is no finite number") }
        steps += 1
        apply(learningRate)
        arrange()
        return loss
    }

    /// Gradients by every parameter, in the layout's order; for tests.
    func gradients(of items: [GradientWorkspace.Item]) -> (losses: [Double], gradient: [Float]) {
        let losses = gradient(of: items)
        _ = addUp((items.count + GradientWorkspace.capacity - 1) / GradientWorkspace.capacity)
        return (losses, Array(UnsafeBufferPointer(start: sum, count: layout.count)))
    }

    /// The weights that the recipe uses: averaged where it averages.
    func weights(named names: [String]) throws(WeightsError) -> Weights {
        try layout.weights(recipe.averaging == nil ? parameters : average, named: names)
    }

    var state: State {
        get {
            func values(_ start: UnsafeMutablePointer<Float>) -> [Float] {
                Array(UnsafeBufferPointer(start: start, count: layout.count))
            }
            return State(
                parameters: values(parameters), mean: values(mean), square: values(square),
                average: recipe.averaging == nil ? [] : values(average), steps: steps)
        }
        set {
            func take(_ values: [Float], _ target: UnsafeMutablePointer<Float>) {
                precondition(values.count == layout.count, "a state has the layout's size")
                target.update(from: values, count: layout.count)
            }
            take(newValue.parameters, parameters)
            take(newValue.mean, mean)
            take(newValue.square, square)
            take(newValue.average.isEmpty ? newValue.parameters : newValue.average, average)
            steps = newValue.steps
            arrange()
        }
    }

    // MARK: The first phase

    private func gradient(of items: [GradientWorkspace.Item]) -> [Double] {
        let capacity = GradientWorkspace.capacity, partCount = (items.count + capacity - 1) / capacity
        precondition(!items.isEmpty && items.count <= recipe.batchSize, "a step has a batch's patches")
        let losses = Mutex([Double](repeating: 0, count: items.count))
        forEach(partCount) { part, thread in
            let place = part * capacity..<min((part + 1) * capacity, items.count)
            let some = workspaces[thread].run(
                items[place], recipe.augmentation, parameters: parameters, arranged: arranged,
                gradient: parts + part * layout.count)
            losses.withLock { $0.replaceSubrange(place, with: some) }
        }
        return losses.withLock { $0 }
    }

    // MARK: The second phase

    /// Whether every sum is finite.
    private func addUp(_ partCount: Int) -> Bool {
        let finite = Atomic(true)
        forEachRange { start, length in
            if !patch_sum_parts(parts + start, Int32(partCount), layout.count, length, sum + start) {
                finite.store(false, ordering: .relaxed)
            }
        }
        return finite.load(ordering: .relaxed)
    }

    private func apply(_ learningRate: Double) {
        let optimizer = recipe.optimizer
        let adam = patch_adam(
            beta1: Float(optimizer.beta1), beta2: Float(optimizer.beta2), epsilon: Float(optimizer.epsilon),
            decay: Float(optimizer.weightDecay), step: Float(learningRate / (1 - power(optimizer.beta1, steps))),
            root: Float((1 - power(optimizer.beta2, steps)).squareRoot()))
        // Early averages would hold the start for long: they forget as fast as there were steps (as in Polyak's mean).
        let kept = recipe.averaging.map { Float(min($0, Double(steps) / Double(steps + 9))) }
        forEachRange { start, length in
            withUnsafePointer(to: adam) {
                patch_adam_step($0, length, sum + start, mean + start, square + start, parameters + start)
            }
            guard let kept else { return }
            for index in start..<start + length {
                average[index] = kept * average[index] + (1 - kept) * parameters[index]
            }
        }
    }

    private func arrange() {
        forEach(layout.convolutions.count + layout.linears.count) { layer, _ in
            forward.arrange(layer: layer, layout, from: parameters, into: arranged)
        }
    }

    // MARK: Threads

    private func forEachRange(_ body: @Sendable (_ start: Int, _ length: Int) -> Void) {
        forEach((layout.count + TrainingEngine.range - 1) / TrainingEngine.range) { range, _ in
            let start = range * TrainingEngine.range
            body(start, min(TrainingEngine.range, layout.count - start))
        }
    }

    /// Calls `body` with every number below `count`, on all threads.
    private func forEach(_ count: Int, _ body: @Sendable (_ number: Int, _ thread: Int) -> Void) {
        let next = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: min(threads, count)) { thread in
            while true {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard number < count else { return }
                body(number, thread)
            }
        }
    }
}

/// `base` to the `exponent`th by squaring: libm's pow differs between machines.
private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}
