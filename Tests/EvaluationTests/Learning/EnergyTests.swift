import Foundation
import Testing

@testable import Evaluation

@Suite struct EnergyTests {
    /// Counters as Linux shows them, in a folder of the test's own.
    private func counters(_ values: [String: (energy: Int, range: Int)], _ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: randomName())
        for (name, value) in values {
            let place = folder.appending(path: name)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try write(value.energy, "energy_uj", place)
            try write(value.range, "max_energy_range_uj", place)
        }
        try body(folder)
        if !values.isEmpty { try FileManager.default.removeItem(at: folder) }
    }

    private func write(_ value: Int, _ file: String, _ folder: URL) throws {
        try Data("\(value)\n".utf8).write(to: folder.appending(path: file))
    }

    @Test func `packages are added up, parts of them are not, and a counter may begin again`() throws {
        try counters([
            "intel-rapl:0": (1_000_000, 900_000_000), "intel-rapl:1": (899_000_000, 900_000_000),
            "intel-rapl:0:0": (5, 900_000_000), "dtpm": (1, 2),
        ]) { folder in
            let began = ContinuousClock.now
            var counting = try #require(EnergyCounters(folder: folder.path, startedAt: began))
            try write(21_000_000, "energy_uj", folder.appending(path: "intel-rapl:0"))
            try write(9_000_000, "energy_uj", folder.appending(path: "intel-rapl:1"))
            try write(800_000_000, "energy_uj", folder.appending(path: "intel-rapl:0:0"))
            counting.read()
            try write(5_000_000, "energy_uj", folder.appending(path: "intel-rapl:1"))
            counting.read()
            // 20 and 10 joules, and then 896 more.
            #expect(abs(counting.meanWatts(until: began + .seconds(10)) - 92.6) < 1e-9)
        }
    }

    @Test func `without counters there is none`() throws {
        try counters([:]) { #expect(EnergyCounters(folder: $0.path) == nil) }
        try counters(["dtpm": (1, 2)]) { #expect(EnergyCounters(folder: $0.path) == nil) }
    }

    @Test func `energy is power times time, and carbon dioxide its share of a kilowatt-hour`() {
        let use = EnergyUse(watts: 20, .stated, seconds: 1800, gridIntensity: 242)
        #expect(use.wattHours == 10)
        #expect(use.carbonDioxide.map { abs($0 - 2.42) < 1e-12 } == true)
        #expect(EnergyUse(watts: 20, .stated, seconds: 1800, gridIntensity: nil).carbonDioxide == nil)
    }
}
