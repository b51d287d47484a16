/// The deliveries of one channel that have no answer yet.
struct DeliveryLedger {
    /// One acknowledgement on the wire.
    struct Acknowledgement: Equatable {
        let tag: UInt64
        let multiple: Bool
    }

    /// Tags without an answer, ascending, as brokers give them out.
    private var open: [UInt64] = []

    var count: Int { open.count }

    mutating func add(_ tag: UInt64) { open.append(tag) }

    func contains(_ tag: UInt64) -> Bool { position(of: tag) != nil }

    mutating func remove(_ tag: UInt64) {
        if let position = position(of: tag) { open.remove(at: position) }
    }

    /// Settles `tags` with as few acknowledgements as possible: `multiple` covers everything up to a tag, so it is used
    /// up to the first delivery that stays open.
    mutating func acknowledge(_ tags: some Sequence<UInt64>) -> [Acknowledgement] {
        let settled = Set(tags)
        let prefix = open.prefix { settled.contains($0) }
        var result: [Acknowledgement] = []
        if let last = prefix.last { result.append(Acknowledgement(tag: last, multiple: prefix.count > 1)) }
        result += open.dropFirst(prefix.count).filter(settled.contains).map {
            Acknowledgement(tag: $0, multiple: false)
        }
        open.removeAll(where: settled.contains)
        return result
    }

    private func position(of tag: UInt64) -> Int? {
        var (low, high) = (0, open.count)
        while low < high {
            let middle = (low + high) / 2
            if open[middle] < tag { low = middle + 1 } else { high = middle }
        }
        return low < open.count && open[low] == tag ? low : nil
    }
}
