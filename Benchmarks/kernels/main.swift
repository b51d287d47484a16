// Times what a lane computes, on one core, and prints one line a figure: what, how, microseconds a patch; and one of its
// answers, log-probabilities of tumour. Called by Benchmarks/sections.py, which gives it a core and its peers the same.
// usage: kernel-benchmark WEIGHTS FOLDER       FOLDER has patches of the size that the weights are for
import Foundation
import PatchClassifier

/// The median of several runs, after one that is not counted; `body` takes `patches` patches.
func microseconds(patches: Int, runs: Int = 9, _ body: () throws -> Void) rethrows -> Double {
    var times: [Double] = []
    for _ in 0...runs {
        let start = ContinuousClock.now
        try body()
        times.append((ContinuousClock.now - start) / .microseconds(1) / Double(patches))
    }
    return times.dropFirst().sorted()[runs / 2]
}

func say(_ what: String, _ how: String, _ value: Double) {
    print("\(what),\(how),\(String(format: "%.2f", value))")
}

let arguments = CommandLine.arguments
guard arguments.count == 3 else {
    print("usage: kernel-benchmark WEIGHTS FOLDER")
    exit(64)
}
let network = try Network(Weights(contentsOf: [UInt8](Data(contentsOf: URL(filePath: arguments[1])))))
let side = network.architecture.side
let folder = URL(filePath: arguments[2])
let pngs = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".png") }.sorted()
    .prefix(512).map { [UInt8](try Data(contentsOf: folder.appending(path: $0))) }
let patches = try pngs.map { try Patch(png: $0, width: side, height: side) }

for kernel in Kernel.allCases where kernel.isSupported && kernel != .portable {
    let answers = try Classifier(network, kernel: kernel).classify(patches).map { "\($0.tumor)" }
    print("answers,\(Engine(network.arithmetic, kernel).name),\(answers.joined(separator: " "))")
    for batch in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let classifier = Classifier(network, kernel: kernel, capacity: batch)
        let time = try microseconds(patches: patches.count) {
            for start in stride(from: 0, to: patches.count, by: batch) {
                _ = try classifier.classify(Array(patches[start..<min(start + batch, patches.count)]))
            }
        }
        say("network", "\(classifier.engine.name) batch \(batch)", time)
    }
}
// In batches, as a lane does.
let batches = stride(from: 0, to: pngs.count, by: 64).map { Array(pngs[$0..<min($0 + 64, pngs.count)]) }
func decoding(_ how: String, _ decode: ([[UInt8]]) -> Void) {
    say("decoding", how, microseconds(patches: pngs.count) { batches.forEach(decode) })
}
decoding("sentinode") { _ = Patch.decoded($0, width: side, height: side) }
decoding("sentinode one by one") { for png in $0 { _ = Patch.decoded([png], width: side, height: side) } }
decoding("libpng") { for png in $0 { _ = Patch.decodedByLibpng(png, width: side, height: side) } }
say(
    "statistics", "sentinode",
    microseconds(patches: patches.count) { for patch in patches { _ = ImageStatistics(patch) } })
