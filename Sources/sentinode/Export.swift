import ArgumentParser
import Database
import Evaluation

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write predictions with people's answers to a file: GeoJSON for QuPath, or CSV.",
        discussion: """
            What the login may read, and nothing of what is still hidden from a blind reader. In GeoJSON each patch is \
            a tile with its class, colour, p_tumor as a measurement, and the job as its id, in full-resolution pixels: \
            drag the file onto the slide in QuPath. A file is there in whole or not at all.

            Examples:
              sentinode export --slide S-17 --format geojson --out S-17.geojson
              sentinode export --format csv --site north --since 2026-05-01 --out north.csv
              sentinode export --slide S-17 --format csv | head
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case geojson, csv }

    @Option(help: "geojson or csv.")
    var format: Format
    @Option(help: "Slide; geojson needs it.")
    var slide: String?
    @Option(help: "File to write, or to replace; standard output by default.")
    var out: String?
    @Option(help: "csv: only of this laboratory.")
    var site: String?
    @Option(help: "csv: only what was decided since then: 2026-05-01, or 2026-05-01T08:00:00Z.")
    var since: TimeArgument?
    @Option(help: "geojson: side of a patch in full-resolution pixels (default: 96 times 2 to the power of its level).")
    var patchSide: Int32?

    func validate() throws {
        switch format {
        case .geojson:
            guard slide != nil else { throw ValidationError("geojson is of one slide: name it with --slide") }
            guard site == nil, since == nil else { throw ValidationError("--site and --since are for csv") }
            guard (1...1_000_000).contains(patchSide ?? 1) else {
                throw ValidationError("--patch-side is 1 to 1,000,000")
            }
        case .csv:
            guard patchSide == nil else { throw ValidationError("--patch-side is for geojson") }
        }
    }

    func run() throws {
        try reportingFailures {
            let export = try PredictionExport(databaseSettings("export", statementTimeout: 3600))
            let file = try ExportFile(path: out)
            let count: Int64
            do {
                count = try write(export, to: file)
                try file.finish()
            } catch {
                file.discard()
                throw error
            }
            if let out { print("\(count) patches are in \(out)") }
        }
    }

    private func write(_ export: PredictionExport, to file: ExportFile) throws -> Int64 {
        switch format {
        case .geojson: try export.geoJSON(slide: slide ?? "", patchSide: patchSide, to: file)
        case .csv: try export.csv(slide: slide, site: site, since: since?.time, to: file)
        }
    }
}

/// A date or a time with its zone on the command line.
struct TimeArgument: ExpressibleByArgument {
    let time: Timestamp

    init?(argument: String) {
        let isDate = argument.wholeMatch(of: #/\d{4}-\d\d-\d\d/#) != nil
        guard let time = Timestamp(rfc3339: isDate ? argument + "T00:00:00Z" : argument) else { return nil }
        self.time = time
    }
}
