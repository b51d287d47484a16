import Monitoring
import Testing

@Suite struct `A latency histogram` {
    @Test func `has no quantile before the first time`() {
        #expect(LatencyHistogram().quantile(0.5) == nil)
    }

    @Test func `gives quantiles to within an eighth of the exact ones`() throws {
        var histogram = LatencyHistogram()
        var times: [Int64] = []
        var state: UInt64 = 42
        for _ in 0..<10_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let time = Int64(state >> 33) % (1 << Int64(state >> 60 + 4))
            times.append(time)
            histogram.add(time)
        }
        times.sort()
        for q in [0.01, 0.5, 0.9, 0.99, 1] {
            let exact = times[max(1, Int((q * 10_000).rounded(.up))) - 1]
            let estimate = try #require(histogram.quantile(q))
            #expect(estimate >= exact)
            #expect(Double(estimate) <= Double(exact) * 1.125 + 1)
        }
        #expect(histogram.count == 10_000)
        #expect(histogram.maximum == times.last)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 15, 16, 1_000_000, Int64.max / 2, Int64.max])
    func `keeps a single time exactly, as its maximum`(time: Int64) {
        var histogram = LatencyHistogram()
        histogram.add(time)
        #expect(histogram.quantile(0.5) == time)
    }

    @Test func `counts a negative time, from a clock that was set back, as none`() {
        var histogram = LatencyHistogram()
        histogram.add(-5)
        #expect(histogram.quantile(1) == 0)
    }
}
