import ArgumentParser
import Evaluation
import Foundation
import MessageBroker

struct Enqueue: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send patches to the queue.",
        discussion: """
            Takes PNG files, folders of them, or a CSV manifest with a column path and one column a header, separated \
            by commas, semicolons or tabs, as its header line shows. Every message is confirmed by the broker. The same \
            file sent again is the same job and is decided once, so an interrupted run is simply repeated. A file that \
            cannot be sent is reported, and the rest goes on; the exit code is 1 then. A manifest with a line that a \
            worker would refuse is refused before anything is sent.

            Examples:
              sentinode enqueue patches/
              sentinode enqueue a.png b.png --slide S-17 --site north --stain 'H&E'
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
        if let problem = PatchManifest.problem(in: commonHeaders) { throw ValidationError(problem) }
    }

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let broker = environment.broker(connectionName: "sentinode enqueue")
            let passive = environment.declaresPassively()
            let bodyLimit = environment.integer("SENTINODE_BODY_LIMIT", in: 1024...(1 << 28)) ?? defaultBodyLimit
            let settings = try checked(environment, broker)
            let listed = try manifest.map { try PatchManifest($0).patches(common: commonHeaders) } ?? []
            let found = PatchFiles(paths)
            for problem in found.problems { complain("\(problem.path) \(problem.sentence)") }
            let files = found.files.map { PatchFile(path: $0, headers: commonHeaders) } + listed
            guard !files.isEmpty else { throw Exit.problemFound }
            let sender = try JobSender(settings, passive: passive, bodyLimit: bodyLimit)
            defer { sender.close() }
            try send(files, problems: found.problems.count, through: sender)
        }
    }

    private var commonHeaders: [Field] {
        let named: [(String, String?)] = [("slide_id", slide), ("site", site), ("scanner", scanner), ("stain", stain)]
        return named.compactMap { name, value in value.map { Field(name, .text($0)) } }
    }

    private func send(_ files: [PatchFile], problems: Int, through sender: JobSender) throws {
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
        if unsent + problems > 0 { throw Exit.problemFound }
    }
}
