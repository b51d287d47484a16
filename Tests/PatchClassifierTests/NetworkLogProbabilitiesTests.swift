import Testing

@testable import PatchClassifier

@Suite struct NetworkLogProbabilitiesTests {
    @Test func `exp is within 1e-15 of the exact value`() throws {
        for pair in try LogarithmFixture.read().exp {
            #expect(abs(exponential(pair[0]) - pair[1]) <= 1e-15 * pair[1], "e^\(pair[0])")
        }
    }

    @Test func `exp is zero where a float could hold nothing of it`() {
        for x in [-708.1, -745, -1e6, -1e300, -Double.infinity] { #expect(exponential(x) == 0) }
        #expect(exponential(0) == 1)
    }

    @Test func `the logarithm of one plus x is within 1e-15 of the exact value`() throws {
        for pair in try LogarithmFixture.read().log1p {
            #expect(abs(logarithmOfOnePlus(pair[0]) - pair[1]) <= 1e-15 * pair[1], "ln(1 + \(pair[0]))")
        }
    }

    @Test func `log-softmax is the nearest float to the exact value`() throws {
        let cases = try LogarithmFixture.read().log_softmax
        #expect(cases.count > 200)
        for example in cases {
            let answer = LogProbabilities(logits: example.logits)
            #expect(answer.normal == Float(example.expected[0]), "\(example.logits)")
            #expect(answer.tumor == Float(example.expected[1]), "\(example.logits)")
        }
    }

    @Test func `the two probabilities add up to one`() throws {
        for example in try LogarithmFixture.read().log_softmax {
            let answer = LogProbabilities(logits: example.logits)
            let other = LogProbabilities(normal: answer.tumor, tumor: answer.normal)
            #expect(abs(answer.pTumor + other.pTumor - 1) <= 1.2e-7, "\(example.logits)")
        }
    }

    @Test func `a certain answer is zero, not minus zero`() {
        let answer = LogProbabilities(logits: [1000, 0])
        #expect(answer.normal.bitPattern == 0)
        #expect(answer.pTumor == 0)
        #expect(LogProbabilities(logits: [0, 1000]).pTumor == 1)
    }

    @Test func `equal outputs are even odds`() {
        let answer = LogProbabilities(logits: [3.25, 3.25])
        #expect(answer.normal == answer.tumor)
        #expect(answer.pTumor == 0.5)
    }
}
