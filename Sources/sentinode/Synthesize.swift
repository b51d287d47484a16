import ArgumentParser
import Evaluation
import PatchClassifier

struct Synthesize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make labelled artificial patches, for demonstrations, load and drift drills.",
        discussion: """
            Haematoxylin-and-eosin look-alikes: nuclei, stroma, stain and scanner. Never a substitute for real patches \
            when a model is judged. The same seed gives the same bytes. Beside the PNG files it writes labels.csv \
            (id,label) and manifest.csv, which `sentinode enqueue --manifest` takes.

            Examples:
              sentinode synthesize --count 1000 --out patches
              sentinode synthesize --count 500 --out pale --appearance pale --site south
              sentinode synthesize --count 500 --out drift --eosin-intensity 1.1 --blur 1.2 --seed 7
            """)

    @Option(help: "How many.")
    var count: Int
    @Option(help: "Folder to write to; it is made where it is missing.")
    var out: String
    @Option(help: "Another seed, other patches.")
    var seed: UInt64 = 1
    @Option(help: "Share of patches with tumour in their centre, 0 to 1.")
    var tumorShare = 0.4
    @Option(
        help: "How the slides are stained and scanned: \(SlideAppearance.named.keys.sorted().joined(separator: ", ")).")
    var appearance = "rose"
    @Option(help: "Optical density of a dense nucleus.")
    var haematoxylinIntensity: Double?
    @Option(help: "Optical density of dense cytoplasm or fibre.")
    var eosinIntensity: Double?
    @Option(help: "Relative spread of the stains from patch to patch.")
    var stainVariation: Double?
    @Option(help: "Standard deviation of the scanner's blur, pixels.")
    var blur: Double?
    @Option(help: "Standard deviation of the sensor's noise, 0 to 255.")
    var noise: Double?
    @Option(help: "Laboratory written into the manifest.")
    var site = "synthetic"
    @Flag(help: "Write into a folder that holds files already.")
    var force = false

    func validate() throws {
        guard (1...10_000_000).contains(count) else { throw ValidationError("--count is 1 to 10,000,000") }
        guard (0...1).contains(tumorShare) else { throw ValidationError("--tumor-share is 0 to 1") }
        guard SlideAppearance.named[appearance] != nil else {
            throw ValidationError(
                "--appearance is one of \(SlideAppearance.named.keys.sorted().joined(separator: ", "))")
        }
        let parameters = [haematoxylinIntensity, eosinIntensity, stainVariation, blur, noise]
        guard parameters.allSatisfy({ (0...255).contains($0 ?? 0) }), (0...5).contains(blur ?? 0) else {
            throw ValidationError("intensities, variation and noise are 0 to 255, --blur is 0 to 5")
        }
    }

    func run() throws {
        try reportingFailures {
            let slides = SyntheticSlides(
                synthesizer: PatchSynthesizer(seed: seed, appearance: slideAppearance()), tumorShare: tumorShare,
                site: site, scanner: appearance)
            let progress = ProgressLine(total: count, unit: "patches")
            try slides.write(count: count, to: out, replacing: force) { done in
                if done % 64 == 0 || done == count { progress.show(done: done) }
            }
            progress.end()
            print("\(count) patches, labels.csv and manifest.csv are in \(out)")
        }
    }

    private func slideAppearance() -> SlideAppearance {
        var result = SlideAppearance.named[appearance] ?? .rose
        result.haematoxylinIntensity = haematoxylinIntensity ?? result.haematoxylinIntensity
        result.eosinIntensity = eosinIntensity ?? result.eosinIntensity
        result.stainVariation = stainVariation ?? result.stainVariation
        result.blur = blur ?? result.blur
        result.noise = noise ?? result.noise
        return result
    }
}
