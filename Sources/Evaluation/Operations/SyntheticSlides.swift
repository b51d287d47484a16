import Foundation
public import PatchClassifier

/// Writes labelled artificial patches as a laboratory would have them: PNG files, labels, and a manifest to enqueue.
///
/// Patch n is the same whatever the count: its label, slide and place depend on n alone.
public struct SyntheticSlides {
    static let patchesPerSlide = 100
    /// Patches side by side on a slide.
    static let columns = 10
    /// Micrometres a pixel of the patches the shipped model knows: 10x.
    static let micrometresAPixel = 0.97

    let synthesizer: PatchSynthesizer
    /// Share of patches with tumour in their centre, 0...1.
    let tumorShare: Double
    let site: String
    let scanner: String

    public init(synthesizer: PatchSynthesizer, tumorShare: Double, site: String, scanner: String) {
        self.synthesizer = synthesizer
        self.tumorShare = tumorShare
        self.site = site
        self.scanner = scanner
    }

    /// Writes `count` patches into a folder that is new or empty, unless `replacing`. Calls `progress` after each.
    public func write(count: Int, to folder: String, replacing: Bool, progress: (Int) -> Void) throws {
        try SyntheticSlides.prepare(folder, replacing: replacing)
        var labels = "id,label\n"
        var manifest = "path,slide_id,x,y,level,mpp,site,scanner,stain\n"
        for number in 0..<count {
            let name = "patch-" + String(repeating: "0", count: max(0, 6 - "\(number)".count)) + "\(number)"
            let isTumor = self.isTumor(number)
            let png = try synthesizer.patch(number: number, tumor: isTumor).pngEncoded()
            try SyntheticSlides.save(Data(png), folder + "/\(name).png")
            labels += "\(name),\(isTumor ? 1 : 0)\n"
            manifest += row(number, name)
            progress(number + 1)
        }
        try SyntheticSlides.save(Data(labels.utf8), folder + "/labels.csv")
        try SyntheticSlides.save(Data(manifest.utf8), folder + "/manifest.csv")
    }

    /// Spreads the share evenly: among any run of patches it holds to within one.
    private func isTumor(_ number: Int) -> Bool {
        (Double(number + 1) * tumorShare).rounded(.down) > (Double(number) * tumorShare).rounded(.down)
    }

    private func row(_ number: Int, _ name: String) -> String {
        let place = number % SyntheticSlides.patchesPerSlide
        let x = place % SyntheticSlides.columns * PatchSynthesizer.side
        let y = place / SyntheticSlides.columns * PatchSynthesizer.side
        let slide = "synthetic-\(synthesizer.seed)-\(number / SyntheticSlides.patchesPerSlide)"
        let fields = [
            "\(name).png", slide, "\(x)", "\(y)", "0", "\(SyntheticSlides.micrometresAPixel)", site, scanner, "H&E",
        ]
        return fields.map(CSVTable.quoted).joined(separator: ",") + "\n"
    }

    private static func prepare(_ folder: String, replacing: Bool) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let content = try FileManager.default.contentsOfDirectory(atPath: folder)
            guard content.isEmpty || replacing else {
                throw OperationError("\(folder) holds files already: name another folder, or replace them with --force")
            }
        } catch let error as OperationError {
            throw error
        } catch {
            throw OperationError("\(folder) cannot be made or read")
        }
    }

    private static func save(_ content: Data, _ path: String) throws {
        do {
            try content.write(to: URL(filePath: path))
        } catch {
            throw OperationError("\(path) cannot be written: is the disk full?")
        }
    }
}
