import ArgumentParser
import Evaluation
import Foundation

struct Reevaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a version about patches that were decided before; no decision changes.",
        discussion: """
            Its opinions stand in sentinode.shadow_predictions. Only jobs whose patch is kept can be asked about; how long one \
            is, the review policy says.

            Examples:
              sentinode reevaluate --version lab-2 --since 2026-11-01T00:00:00Z
              sentinode reevaluate --version lab-2 --slide S1 --slide S2
            """)

    @Option(help: "Name of the version.")
    var version: String
    @Option(help: "Patches of this slide alone; can be given again.")
    var slide: [String] = []
    @Option(help: "Patches that were stored from this time on (RFC 3339).")
    var since: TimeArgument?

    func run() throws {
        try reportingFailures {
            let work = try Reevaluation(databaseSettings("reevaluate"), version: version)
            let stop = try StopRequest()
            let signals = StopSignals(stop) { _ in complain("stopping; what is stored stays, and is not asked again") }
            defer { signals.end() }
            let count = try work.run(
                .init(slides: slide, since: since?.time), shouldGoOn: { !stop.isRequested }, onProgress: { _ in })
            print(
                "\(version) was asked about \(count.asked) patches; \(count.known) it had answered before, "
                    + "\(count.withoutImage) are not kept"
                    + (count.unfit > 0 ? ", \(count.unfit) are of a size that it does not take" : ""))
            if stop.isRequested { throw Exit.stopped }
        }
    }
}
