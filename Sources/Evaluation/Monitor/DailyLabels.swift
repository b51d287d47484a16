import Database
import Monitoring

/// A day of a stream.
struct StreamDay {
    let start: Timestamp
    /// Of its patches: the weighted values, and the weights.
    let sums: SlideSums
    /// Standard deviation of the weighted values, less the mean times the weights.
    let deviation: Double
    let patches: Int64
    let slides: Int
}

/// The audit's labels by day, of the days that have nine in ten of those that were asked for.
struct DailyLabels {
    private let errors: ErrorStream
    private var days: [(start: Timestamp, labelled: [LabelledPatch])] = []
    private(set) var immatureDays = 0
    /// Of those days together, by `ReviewStratum`.
    private var responses = ReviewStratum.allCases.map { _ in StratumResponse(selected: 0, answered: 0) }

    init(_ days: [MonitoredDay], _ patches: [LabelledPatch], of errors: ErrorStream) {
        self.errors = errors
        let asked = Dictionary(grouping: patches.filter(\.isAsked), by: \.storedAt.day)
        for day in days {
            let labelled = asked[day.start] ?? []
            let selected = Int(day.profile.selected.reduce(0, +))
            guard selected > 0 else { continue }
            guard StratumResponse(selected: selected, answered: labelled.count).isMature == true else {
                immatureDays += 1
                continue
            }
            self.days.append((day.start, labelled))
            for stratum in ReviewStratum.allCases {
                responses[stratum.rawValue].selected += Int(day.profile.selected[stratum.rawValue])
                responses[stratum.rawValue].answered += labelled.count { $0.stratum == stratum }
            }
        }
    }

    /// Errors, each weighing the patches it stands for. A day's deviation is that of slides of the mean weight: its own
    /// weight would follow the few heavy patches that it happens to have.
    ///
    /// - Parameter slideDeviation: standard deviation of one slide's errors, for a slide of weight 1.
    func stream(slideDeviation: Double) -> [StreamDay] {
        let judged = days.map { day in
            let patches = day.labelled.filter(errors.counts)
            return (start: day.start, patches: patches, sums: sums(patches))
        }.filter { !$0.patches.isEmpty }
        let weight = judged.reduce(0) { $0 + $1.sums.denominator }
        let meanWeight = weight / Double(judged.reduce(0) { $0 + $1.patches.slides })
        return judged.map { day in
            let slides = day.patches.slides
            return StreamDay(
                start: day.start, sums: day.sums,
                deviation: slideDeviation * meanWeight * Double(slides).squareRoot(),
                patches: Int64(day.patches.count), slides: slides)
        }
    }

    private func sums(_ patches: [LabelledPatch]) -> SlideSums {
        var sums = SlideSums(numerator: 0, denominator: 0)
        for patch in patches {
            guard let stratum = patch.stratum, let response = responses[stratum.rawValue].rate,
                let weight = verificationWeight(
                    selectionProbability: patch.selectionProbability, responseRate: min(1, response))
            else { continue }
            sums.denominator += weight
            if errors.isWrong(patch) { sums.numerator += weight }
        }
        return sums
    }
}

extension [LabelledPatch] {
    /// Those known, and each patch without one.
    var slides: Int { Set(map(\.slide)).subtracting([0]).count + count { $0.slide == 0 } }
}
