import Foundation
import Testing

@testable import Evaluation

@Suite struct RegionTests {
    /// The central 32x32 pixels of a patch at the origin: from 32 to 64.
    private static let center = GridRectangle(centerOfPatchAtX: 0, y: 0, side: 96)

    private static func ring(_ positions: [(Double, Double)]) throws -> [GridPoint] {
        try (positions + positions.prefix(1)).map { try #require(GridPoint(pixelsX: $0.0, pixelsY: $0.1)) }
    }

    private static func region(_ rings: [(Double, Double)]...) throws -> Region {
        try Region(rings: rings.map(ring))
    }

    private static func square(_ low: Double, _ high: Double) -> [(Double, Double)] {
        [(low, low), (high, low), (high, high), (low, high)]
    }

    @Test func `a region around the centre touches and covers it`() throws {
        let region = try Self.region(Self.square(32, 64))
        #expect(region.touches(Self.center) && region.covers(Self.center))
    }

    @Test func `a region that only shares an edge or a corner does not touch`() throws {
        for outline in [[(0, 32), (32, 32), (32, 64), (0, 64)], Self.square(64, 96), Self.square(0, 32)] {
            let region = try Self.region(outline)
            #expect(!region.touches(Self.center) && !region.covers(Self.center))
        }
    }

    @Test func `the ten-thousandth part of a pixel is enough to touch`() throws {
        #expect(try Self.region(Self.square(0, 32.0001)).touches(Self.center))
        #expect(try !Self.region(Self.square(0, 32.00004)).touches(Self.center), "rounded to the fourth decimal")
        let needle = try Self.region([(0, 0), (32.5, 32.0001), (0, 1)])
        #expect(needle.touches(Self.center))
    }

    @Test func `a slanted edge that passes the corner outside does not touch`() throws {
        #expect(try !Self.region([(0, 63.9999), (63.9999, 0), (0, 0)]).touches(Self.center))
        #expect(try Self.region([(0, 64.0003), (64.0003, 0), (0, 0)]).touches(Self.center))
    }

    @Test func `what lies in a hole is outside`() throws {
        let around = try Self.region(Self.square(0, 96), Self.square(32, 64))
        #expect(!around.touches(Self.center))
        let within = try Self.region(Self.square(0, 96), Self.square(40, 50))
        #expect(within.touches(Self.center) && !within.covers(Self.center))
    }

    @Test func `regions drawn side by side cover the centre together, unless a slit is left`() throws {
        let left = try Self.region([(0, 0), (48, 0), (40, 96), (0, 96)])
        let right = try Self.region([(48, 0), (96, 0), (96, 96), (40, 96)])
        let farther = try Self.region([(48.001, 0), (96, 0), (96, 96), (40.001, 96)])
        #expect(!left.covers(Self.center) && !right.covers(Self.center))
        #expect(RegionCover(Self.center, by: [left, right]).isComplete)
        #expect(!RegionCover(Self.center, by: [left, farther]).isComplete)
        #expect(!RegionCover(Self.center, by: [left]).isComplete)
    }

    @Test func `regions that overlap crosswise are seen where they leave a gap`() throws {
        // Two bands across the centre; their crossing leaves four corners free.
        let falling = try Self.region([(20, 28), (28, 20), (76, 68), (68, 76)])
        let rising = try Self.region([(20, 68), (68, 20), (76, 28), (28, 76)])
        #expect(!RegionCover(Self.center, by: [falling, rising]).isComplete)
        let whole = try Self.region(Self.square(30, 70))
        #expect(RegionCover(Self.center, by: [falling, rising, whole]).isComplete)
    }

    @Test func `rings that are none are refused with a reason`() throws {
        let faults: [([(Double, Double)], String)] = [
            ([(0, 0), (1, 1)], "3 positions"), ([(0, 0), (1, 1), (2, 2)], "encloses nothing"),
        ]
        for (outline, reason) in faults {
            let error = #expect(throws: RegionFault.self) { try Self.region(outline) }
            #expect(error?.sentence.contains(reason) == true, "\(error?.sentence ?? "")")
        }
        let open = try Array(Self.ring(Self.square(0, 9)).dropLast()) + [GridPoint(x: 1, y: 1)]
        #expect(throws: RegionFault.self) { try Region(rings: [open]) }
        #expect(throws: RegionFault.self) { try Self.region(Self.square(0, 9), Self.square(8, 12)) }
    }

    /// A polygon drawn at random, as a scribble or as a star around a place, and a plain test of points that shares
    /// nothing with the one in use.
    private struct RandomPolygon {
        let corners: [(Double, Double)]

        init(_ random: inout SplitMix, isStar: Bool) {
            let (x, y) = (random.next(in: 20..<76), random.next(in: 20..<76))
            let count = 3 + Int(random.next(in: 0..<20))
            corners = (0..<count).map { number in
                let turn = isStar ? Double(number) / Double(count) : random.next(in: 0..<1)
                let radius = random.next(in: isStar ? 20..<150 : 0..<50)
                return (x + radius * cos(turn * 2 * .pi), y + radius * sin(turn * 2 * .pi))
            }
        }

        func contains(_ x: Double, _ y: Double) -> Bool {
            var isInside = false
            for (a, b) in zip(corners, corners.dropFirst() + corners.prefix(1)) where (a.1 > y) != (b.1 > y) {
                if x < a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0) { isInside.toggle() }
            }
            return isInside
        }
    }

    @Test func `what points of the centre say of random outlines holds`() throws {
        var random = SplitMix(state: 7)
        var (touching, covering) = (0, 0)
        for number in 0..<400 {
            let polygon = RandomPolygon(&random, isStar: number % 2 == 0)
            let region = try Self.region(polygon.corners)
            let points = (0..<300).map { _ in (random.next(in: 32.01..<63.99), random.next(in: 32.01..<63.99)) }
            let inside = points.filter { polygon.contains($0.0, $0.1) }.count
            if inside > 0 { #expect(region.touches(Self.center)) }
            if inside < points.count { #expect(!region.covers(Self.center)) }
            // Corners are rounded to the fourth decimal, so a sliver may be missed by every point, but no half.
            if inside == points.count { #expect(region.touches(Self.center)) }
            #expect(
                region.covers(Self.center) == RegionCover(Self.center, by: [region]).isComplete)
            touching += region.touches(Self.center) ? 1 : 0
            covering += region.covers(Self.center) ? 1 : 0
        }
        #expect((100..<400).contains(touching) && covering > 0)
    }
}

/// SplitMix64, Steele, Lea and Flood 2014.
private struct SplitMix {
    var state: UInt64

    mutating func next(in range: Range<Double>) -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return range.lowerBound + Double((z ^ (z >> 31)) >> 11) * 0x1p-53 * (range.upperBound - range.lowerBound)
    }
}
