/// A run of float32 values in a PyTorch file: its key there and how many values it holds.
struct StorageReference: Equatable {
    let key: String
    let count: Int
}

/// A tensor as a view of a storage; offset and strides count values.
struct TensorReference: Equatable {
    let storage: Int
    let offset: Int
    let shape: [Int]
    let strides: [Int]
}

extension PickleReader {
    /// The storage a persistent id names: ('storage', FloatStorage, key, device, count), in streams also None.
    mutating func storage(named id: PickleValue) throws(WeightsError) -> PickleValue {
        guard case .tuple(let index) = id, tuples[index].count == 5 || tuples[index].count == 6,
            tuples[index][0] == .text("storage"), tuples[index][1] == .global(.floatStorage),
            case .text(let key) = tuples[index][2], case .text = tuples[index][3],
            case .integer(let count) = tuples[index][4], tuples[index].dropFirst(5).allSatisfy({ $0 == .none })
        else { throw malformed("a storage as kind, type, key, device and count was expected") }
        guard count >= 0, count <= Weights.maximumBytes / 4 else {
            throw WeightsError(
                .storage,
                "storage \(quoted(key)) claims \(count) values, at most \(Weights.maximumBytes / 4) were expected")
        }
        guard let known = storageIndices[key] else {
            storages.append(StorageReference(key: key, count: count))
            storageIndices[key] = storages.count - 1
            return .storage(storages.count - 1)
        }
        guard storages[known].count == count else {
            throw WeightsError(
                .storage, "storage \(quoted(key)) claims \(count) values, \(storages[known].count) before")
        }
        return .storage(known)
    }

    /// A tensor from (storage, offset, sizes, strides, requires_grad, empty hooks); whether the view fits is checked
    /// with its name, see `StateDict`.
    mutating func tensor(from arguments: [PickleValue]) throws(WeightsError) -> PickleValue {
        guard arguments.count == 6, case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
            let shape = counts(arguments[2]), let strides = counts(arguments[3]), case .bool = arguments[4],
            case .dictionary(let hooks) = arguments[5], dictionaries[hooks].isEmpty
        else {
            throw malformed("a tensor as storage, offset, sizes, strides, requires_grad and no hooks was expected")
        }
        tensors.append(TensorReference(storage: storage, offset: offset, shape: shape, strides: strides))
        return .tensor(tensors.count - 1)
    }

    private func counts(_ value: PickleValue) -> [Int]? {
        guard case .tuple(let index) = value else { return nil }
        let counts = tuples[index].compactMap { element in
            if case .integer(let count) = element { count } else { Int?.none }
        }
        return counts.count == tuples[index].count ? counts : nil
    }
}

/// The named tensor views of a state_dict, in its order, and the storages they need.
struct StateDict {
    private let names: [String]
    private let views: [TensorReference]
    let storages: [StorageReference]

    /// `root` is the value that `reader` gave; it must be a dictionary from names to tensors.
    init(_ root: PickleValue, from reader: PickleReader) throws(WeightsError) {
        guard case .dictionary(let index) = root else {
            throw WeightsError(.notStateDict, "the file holds no dictionary, a state_dict was expected")
        }
        var (names, views): ([String], [TensorReference]) = ([], [])
        for (key, value) in reader.dictionaries[index] {
            guard case .text(let name) = key, case .tensor(let tensor) = value else {
                throw WeightsError(
                    .notStateDict,
                    "the file's dictionary holds something else than named tensors: torch.save(model.state_dict(), …), "
                        + "without a checkpoint around it, was expected")
            }
            names.append(name)
            views.append(reader.tensors[tensor])
        }
        (self.names, self.views, storages) = (names, views, reader.storages)
        try checkViews()
    }

    /// Every view lies inside its storage, and the views of a storage hold no more values than it does: a few bytes of
    /// file can then never ask for much memory.
    private func checkViews() throws(WeightsError) {
        var unused = storages.map(\.count)
        for (name, view) in zip(names, views) {
            try checkShape(view.shape, of: name)
            guard view.strides.count == view.shape.count, let extent = view.extent, view.offset >= 0,
                let count = checkedProduct(view.shape), extent <= storages[view.storage].count - view.offset
            else {
                throw WeightsError(
                    .storage,
                    "tensor \(quoted(name)) does not lie inside its storage with strides of 1 or more, as was expected")
            }
            unused[view.storage] -= min(count, unused[view.storage] + 1)
            guard unused[view.storage] >= 0 else {
                throw WeightsError(
                    .storage,
                    "tensor \(quoted(name)) shares values with itself or another one, values of its own were expected")
            }
        }
    }

    /// The tensors' values; `places` gives the bytes of every storage by its key.
    func tensors(in bytes: [UInt8], places: [String: Range<Int>]) throws(WeightsError) -> [Weights.Tensor] {
        guard places.count == storages.count else {
            throw WeightsError(
                .storage, "the file holds \(places.count) storages, the \(storages.count) of its tensors were expected")
        }
        var values: [[Float]] = []
        for storage in storages {
            guard let place = places[storage.key] else {
                throw WeightsError(.storage, "storage \(quoted(storage.key)) was expected and is not in the file")
            }
            guard place.count == 4 * storage.count else {
                throw WeightsError(
                    .storage,
                    "storage \(quoted(storage.key)) holds \(place.count) bytes, \(4 * storage.count) were expected")
            }
            values.append(float32Values(in: bytes, at: place.lowerBound, count: storage.count))
        }
        return zip(names, views).map { name, view in
            Weights.Tensor(name: name, shape: view.shape, values: view.gather(from: values[view.storage]))
        }
    }
}

extension TensorReference {
    /// How many values from its offset on the view spans; nil for strides below 1 and where it does not fit an Int.
    fileprivate var extent: Int? {
        var last = 0
        for (size, stride) in zip(shape, strides) where size > 1 {
            guard stride > 0, let span = checkedProduct([size - 1, stride]) else { return nil }
            let (sum, overflow) = last.addingReportingOverflow(span)
            if overflow || sum == .max { return nil }
            last = sum
        }
        return last + 1
    }

    /// Whether the view's values stand in row-major order without gaps, as nearly always.
    private var isContiguous: Bool {
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size > 1 {
            if stride != expected { return false }
            expected *= size
        }
        return true
    }

    /// The view's values in row-major order; the view has been checked to lie inside `storage`.
    fileprivate func gather(from storage: [Float]) -> [Float] {
        if isContiguous { return Array(storage[offset...].prefix(shape.reduce(1, *))) }
        var places = [offset]
        for (size, stride) in zip(shape, strides) {
            places = places.flatMap { place in (0..<size).map { place + $0 * (size > 1 ? stride : 0) } }
        }
        return places.map { storage[$0] }
    }
}
