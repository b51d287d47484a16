import Foundation

/// What a training run is taken to have used: a power times its seconds, and what that stands for in carbon dioxide.
public struct EnergyUse: Sendable, Encodable {
    /// Watts, and where they are from.
    public let watts: Double
    public let power: Source
    public let wattHours: Double
    /// Grams a kilowatt-hour, as stated; nil where it was not.
    public let gridIntensity: Double?
    /// Grams.
    public let carbonDioxide: Double?

    public enum Source: String, Sendable, Encodable {
        /// The mean that the processor packages reported through RAPL while the run was at work. Everything else that ran
        /// there is in it; memory, disks and fans are not.
        case measured
        /// What a person said.
        case stated
    }

    init(watts: Double, _ power: Source, seconds: Double, gridIntensity: Double?) {
        (self.watts, self.power, self.gridIntensity) = (watts, power, gridIntensity)
        wattHours = watts * seconds / 3600
        carbonDioxide = gridIntensity.map { $0 * watts * seconds / 3_600_000 }
    }
}

/// Energy counters of the processor packages (Linux's powercap interface of RAPL), where the machine has them and lets
/// this login read them. They begin again after minutes of load, so they are to be read often.
struct EnergyCounters {
    private struct Counter {
        let path: String
        /// Microjoules at which it begins again.
        let range: Double
        var last: Double
    }

    private var counters: [Counter]
    private var microjoules = 0.0
    private let startedAt: ContinuousClock.Instant

    /// nil where there is none to read.
    init?(folder: String = "/sys/class/powercap", startedAt: ContinuousClock.Instant = .now) {
        self.startedAt = startedAt
        let entries: [String]
        do {
            entries = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            return nil
        }
        // intel-rapl:0 is a package, intel-rapl:0:1 a part of it.
        counters = entries.sorted().filter { $0.wholeMatch(of: #/intel-rapl:\d+/#) != nil }.compactMap { entry in
            let path = "\(folder)/\(entry)/"
            guard let now = EnergyCounters.number(path + "energy_uj"),
                let range = EnergyCounters.number(path + "max_energy_range_uj")
            else { return nil }
            return Counter(path: path + "energy_uj", range: range, last: now)
        }
        if counters.isEmpty { return nil }
    }

    /// Adds what was used since the last reading; a counter that cannot be read any more adds nothing.
    mutating func read() {
        for index in counters.indices {
            guard let now = EnergyCounters.number(counters[index].path) else { continue }
            let used = now - counters[index].last
            microjoules += used >= 0 ? used : used + counters[index].range
            counters[index].last = now
        }
    }

    /// Mean watts since the start, up to the last reading.
    func meanWatts(until end: ContinuousClock.Instant = .now) -> Double {
        microjoules / 1_000_000 / max((end - startedAt) / .seconds(1), .leastNormalMagnitude)
    }

    private static func number(_ path: String) -> Double? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        return Double(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
