import ArgumentParser
import Evaluation
import Foundation
import MessageBroker

struct Enqueue: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send patches to the queue.",
        discussion: """
            Takes PNG files, folders of them, or a CSV manifest with a column path and one column a header. Every \
            message is confirmed by the broker. The same file sent again is the same job and is decided once, so an \
            interrupted run is simply repeated.

            Examples:
              sentinode enqueue patches/
              sentinode enqueue a.png b.png --slide S-17 --site north --stain H&E
              sentinode enqueue --manifest patches.csv --scanner "Scanner 2"
            """)

    @Argument(help: "PNG files, or folders of them.")
    var paths: [String] = []
    @Option(help: "CSV file with a header line: path, then any of slide_id, x, y, level, mpp, site, ...")
    var manifest: String?
    @Option(help: "Slide of every patch.")
    var slide: String?
    @Option(help: "Laboratory of every patch.")
    var site: String?
    @Option(help: "Scanner of every patch.")
    var scanner: String?
    @Option(help: "Stain of every patch.")
    var stain: String?

    func validate() throws {
        if paths.isEmpty && manifest == nil {
            throw ValidationError("nothing to send: name PNG files, folders, or a --manifest")
        }
    }

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let broker = environment.broker(connectionName: "sentinode enqueue")
            let passive = environment.declaresPassively()
            let bodyLimit = environment.integer("SENTINODE_BODY_LIMIT", in: 1024...(1 << 28)) ?? defaultBodyLimit
            let settings = try checked(environment, broker)
            let files = try patches()
            let sender = try JobSender(settings, passive: passive, bodyLimit: bodyLimit)
            defer { sender.close() }
            try send(files, through: sender)
        }
    }

    private func patches() throws -> [PatchFile] {
        let named: [(String, String?)] = [("slide_id", slide), ("site", site), ("scanner", scanner), ("stain", stain)]
        let headers = named.compactMap { name, value in value.map { Field(name, .text($0)) } }
        return try PatchFiles.find(paths).map { PatchFile(path: $0, headers: headers) }
            + (manifest.map { try PatchFiles.manifest($0, common: headers) } ?? [])
    }

    private func send(_ files: [PatchFile], through sender: JobSender) throws {
        let progress = ProgressLine(total: files.count, unit: "patches")
        var unsent = 0
        for start in stride(from: 0, to: files.count, by: JobSender.batch) {
            let slice = files[start..<min(start + JobSender.batch, files.count)]
            for (file, outcome) in zip(slice, try sender.send(slice)) {
                switch outcome {
                case .sent: continue
                case .unsuitable(let reason), .refused(let reason):
                    unsent += 1
                    progress.interrupt { complain("\(file.path) \(reason)") }
                }
            }
            progress.show(done: start + slice.count)
        }
        progress.end()
        print("\(files.count - unsent) patches sent\(unsent > 0 ? ", \(unsent) not sent" : "")")
        if unsent > 0 { throw Exit.problemFound }
    }
}
