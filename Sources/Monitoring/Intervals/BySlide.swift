/// Sums by slide. Slides with small numbers from 0 on, of which there are about as many as slides, need no hashing.
struct BySlide<Sum> {
    private let zero: Sum
    private var small: [Sum]
    private var isThere: [Bool]
    private var others: [Int: Sum] = [:]

    /// - Parameter slides: the slides of all patches that will be added.
    init(_ slides: some Sequence<Int>, zero: Sum) {
        var (patches, highest) = (0, -1)
        for slide in slides {
            patches += 1
            highest = max(highest, slide)
        }
        let count = highest < 4 * patches ? highest + 1 : 0
        self.zero = zero
        small = [Sum](repeating: zero, count: count)
        isThere = [Bool](repeating: false, count: count)
    }

    mutating func add(to slide: Int, _ change: (inout Sum) -> Void) {
        if small.indices.contains(slide) {
            isThere[slide] = true
            change(&small[slide])
        } else {
            var sum = others[slide] ?? zero
            change(&sum)
            others[slide] = sum
        }
    }

    /// Those of slides that something was added to, by rising number.
    var sums: [Sum] {
        let numbered = zip(small, isThere).lazy.filter(\.1).map(\.0)
        guard !others.isEmpty else { return Array(numbered) }
        let sorted = others.sorted { $0.key < $1.key }
        return sorted.prefix { $0.key < 0 }.map(\.value) + numbered + sorted.drop { $0.key < 0 }.map(\.value)
    }
}
