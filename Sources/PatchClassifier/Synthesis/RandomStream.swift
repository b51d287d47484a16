/// Random numbers that are the same on every machine: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
package struct RandomStream: Sendable {
    private var state: UInt64

    /// Streams with different keys are independent of each other.
    package init(_ keys: UInt64...) {
        state = keys.reduce(0) { Self.mixed($0 ^ Self.mixed($1 &+ 0x9e37_79b9_7f4a_7c15)) }
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mixed(state)
    }

    /// Uniform in 0..<1.
    package mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    /// Uniform in `range`.
    package mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * unit()
    }

    /// A whole number in `range`, each as likely as the other.
    package mutating func whole(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(unit() * Double(range.count))
    }

    /// About normal with mean 0 and deviation 1: the sum of four uniform numbers, so never beyond 3.5.
    package mutating func normal() -> Double {
        (unit() + unit() + unit() + unit() - 2) * 1.7320508075688772
    }

    /// A random direction of length 1, by rejection: no sine or cosine, which differ between machines.
    mutating func direction() -> SIMD2<Double> {
        while true {
            let point = SIMD2(uniform(-1...1), uniform(-1...1))
            let square = (point * point).sum()
            if square > 0.01 && square <= 1 { return point / square.squareRoot() }
        }
    }

    /// SplitMix64's finalizer, a bijection that spreads every bit.
    static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

/// Value noise: random values 0..<1 on a square grid, smoothly interpolated between.
struct ValueNoise {
    private let key: UInt64

    init(_ random: inout RandomStream) { key = random.next() }

    /// The noise at a point; one unit is one cell of the grid.
    func callAsFunction(_ point: SIMD2<Double>) -> Double {
        let cell = point.rounded(.down)
        let t = point - cell
        let weight = t * t * (3 - 2 * t)
        let (x, y) = (Int(cell.x), Int(cell.y))
        let upper = corner(x, y) + (corner(x + 1, y) - corner(x, y)) * weight.x
        let lower = corner(x, y + 1) + (corner(x + 1, y + 1) - corner(x, y + 1)) * weight.x
        return upper + (lower - upper) * weight.y
    }

    private func corner(_ x: Int, _ y: Int) -> Double {
        let place = UInt64(truncatingIfNeeded: x) &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(truncatingIfNeeded: y)
        return Double(RandomStream.mixed(key ^ RandomStream.mixed(place)) >> 11) / 9_007_199_254_740_992
    }
}
