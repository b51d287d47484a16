import Database
import Testing

struct TimestampTests {
    @Test(arguments: [
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00.000000Z"),
        ("2026-03-01T10:30:00.25+01:00", "2026-03-01T09:30:00.250000Z"),
        ("2026-03-01t04:00:00.123456789-05:30", "2026-03-01T09:30:00.123456Z"),
        ("2024-02-29 00:00:00.5z", "2024-02-29T00:00:00.500000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
    ])
    func `RFC 3339 is read with decimals, offsets and leap seconds`(text: String, inUTC: String) {
        #expect(Timestamp(rfc3339: text)?.description == inUTC)
    }

    @Test(arguments: [
        "", "2026-03-01", "2026-03-01T09:30:00", "2026-3-1T09:30:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00Zx", "２026-01-01T00:00:00Z", "-026-01-01T00:00:00Z",
    ])
    func `what is not RFC 3339 is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func `the extremes print without a trap, with signed years`() {
        #expect(Timestamp(microseconds: .max).description == "+294247-01-10T04:00:54.775807Z")
        #expect(Timestamp(microseconds: .min).description == "-290308-12-21T19:59:05.224192Z")
    }

    @Test func `every day of 800 years is read as it was printed`() {
        for day in stride(from: Int64(-146_097), to: 146_097, by: 1) {
            let time = Timestamp(microseconds: day * 86_400_000_000 + 1)
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }
}
