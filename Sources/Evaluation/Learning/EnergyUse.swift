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
/// this login read them.
struct EnergyCounters {
    private struct Counter {
        let path: String
        /// Microjoules at which it begins again.
        let range: Double
        let start: Double
    }

    private let counters: [Counter]
    private let startedAt = ContinuousClock.now

    /// nil where there is none to read.
    init?(folder: String = "/sys/class/powercap") {
        let entries: [String]
        do {
            entries = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            return nil
        }
        // intel-rapl:0 is a package, intel-rapl:0:1 a part of it.
        counters = entries.sorted().filter { $0.wholeMatch(of: #/intel-rapl:\d+/#) != nil }.compactMap { entry in
            let path = "\(folder)/\(entry)/"
            guard let start = EnergyCounters.number(path + "energy_uj"),
                let range = EnergyCounters.number(path + "max_energy_range_uj")
            else { return nil }
            return Counter(path: path + "energy_uj", range: range, start: start)
        }
        if counters.isEmpty { return nil }
    }

    /// Mean watts since the start. A counter that began again more than once counts too little: it takes hours to.
    var meanWatts: Double? {
        let seconds = (ContinuousClock.now - startedAt) / .seconds(1)
        let used = counters.map { counter -> Double? in
            EnergyCounters.number(counter.path).map { now in
                now >= counter.start ? now - counter.start : now + counter.range - counter.start
            }
        }
        guard seconds > 0, !used.contains(nil) else { return nil }
        return used.compactMap(\.self).reduce(0, +) / 1_000_000 / seconds
    }

    private static func number(_ path: String) -> Double? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        return Double(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
