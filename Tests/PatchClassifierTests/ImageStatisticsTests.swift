import Foundation
import PatchClassifier
import Testing

@Suite struct ImageStatisticsTests {
    /// One image and NumPy's figures of it; `make_fixtures.py` beside the files made both.
    struct Fixture: Sendable, CustomTestStringConvertible {
        let name: String
        let width: Int
        let height: Int
        let expected: [Double]

        var testDescription: String { name }

        static let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Fixtures/statistics")

        /// An unreadable list gives no rows, which a test of its own notices.
        static let all: [Fixture] = {
            guard let text = try? String(contentsOf: folder.appending(path: "statistics.csv"), encoding: .utf8) else {
                return []
            }
            return text.split(separator: "\n").dropFirst().compactMap { line in
                let fields = line.split(separator: ",").map(String.init)
                guard let width = Int(fields[1]), let height = Int(fields[2]) else { return nil }
                return Fixture(
                    name: fields[0], width: width, height: height, expected: fields[3...].compactMap(Double.init))
            }
        }()

        func patch() throws -> Patch {
            let png = try Data(contentsOf: Self.folder.appending(path: "\(name).png"))
            return try Patch(png: [UInt8](png), width: width, height: height)
        }
    }

    /// The figures in the order of the fixture's columns.
    private static func list(_ statistics: ImageStatistics) -> [Float] {
        [
            statistics.meanRed, statistics.meanGreen, statistics.meanBlue,
            statistics.opticalDensityMeanRed, statistics.opticalDensityMeanGreen, statistics.opticalDensityMeanBlue,
            statistics.opticalDensityDeviationRed, statistics.opticalDensityDeviationGreen,
            statistics.opticalDensityDeviationBlue, statistics.saturation, statistics.brightness, statistics.focus,
            statistics.tissueShare,
        ]
    }

    @Test func `the list of fixtures is complete`() {
        #expect(Fixture.all.count == 14)
        #expect(Fixture.all.allSatisfy { $0.expected.count == 13 })
    }

    @Test(arguments: Fixture.all)
    func `the figures are those of NumPy`(fixture: Fixture) throws {
        let figures = try Self.list(ImageStatistics(fixture.patch()))
        for (index, (figure, expected)) in zip(figures, fixture.expected).enumerated() {
            // Saturation is summed in 65,536ths; everything else differs by the rounding to Float only.
            let tolerance = index == 9 ? 2e-5 : max(1e-7, abs(expected) * 1.2e-7)
            #expect(abs(Double(figure) - expected) <= tolerance, "figure \(index): \(figure), expected \(expected)")
        }
    }

    @Test func `stain vectors are those of NumPy`() throws {
        let text = try String(contentsOf: Fixture.folder.appending(path: "stains.csv"), encoding: .utf8)
        var compared = 0
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let expected = fields.dropFirst().compactMap(Double.init)
            let fixture = try #require(Fixture.all.first { $0.name == fields[0] })
            guard let stains = try ImageStatistics(fixture.patch()).stains else {
                #expect(expected.isEmpty, "\(fixture)")
                continue
            }
            let found = [stains.hematoxylinRed, stains.hematoxylinGreen, stains.eosinRed, stains.eosinGreen]
            try #require(expected.count == 4, "\(fixture): \(found)")
            compared += 1
            for (own, other) in zip(found, expected) {
                #expect(abs(Double(own) - other) < 1e-6, "\(fixture): \(found)")
            }
        }
        #expect(compared == 8)
    }

    @Test func `stain vectors are near those that a patch was stained with`() throws {
        let stained = try #require(Fixture.all.first { $0.name == "stained" }).patch()
        let stains = try #require(ImageStatistics(stained).stains)
        // Ruifrok and Johnston 2001; every pixel has some of both, so the extremes lie a little inside.
        #expect(abs(stains.hematoxylinRed - 0.650) < 0.05 && abs(stains.hematoxylinGreen - 0.704) < 0.05)
        #expect(abs(stains.eosinRed - 0.072) < 0.13 && abs(stains.eosinGreen - 0.990) < 0.05)
    }

    @Test func `blur lowers the focus figure`() throws {
        let sharp = try #require(Fixture.all.first { $0.name == "tissue-like" }).patch()
        var blurred = sharp.rgb
        for index in 3..<(blurred.count - 3) {
            blurred[index] = UInt8((Int(sharp.rgb[index - 3]) + Int(sharp.rgb[index]) + Int(sharp.rgb[index + 3])) / 3)
        }
        let soft = Patch(width: sharp.width, height: sharp.height, rgb: blurred)
        #expect(ImageStatistics(soft).focus < 0.5 * ImageStatistics(sharp).focus)
    }

    @Test func `an image without pixels has figures of zero`() {
        #expect(Self.list(ImageStatistics(Patch(width: 0, height: 0, rgb: []))).allSatisfy { $0 == 0 })
    }
}
