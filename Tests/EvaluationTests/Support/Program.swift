import Foundation
import Testing

/// The `sentinode` executable as a child process. Its standard error goes to a file.
final class Program {
    /// How a process ended.
    enum End: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    private let process = Process()
    private let ended = DispatchSemaphore(value: 0)
    private let errorFile: URL
    private let outputFile: URL

    /// Starts it. `environment` is all that it gets; what it prints goes to `output`, and what it complains of to
    /// `errors`, or to files of its own. `processor` is one of those that QEMU emulates.
    init(
        _ arguments: [String], environment: [String: String], folder: URL, output: URL? = nil, errors: URL? = nil,
        on processor: String? = nil
    ) throws {
        let name = UUID().uuidString
        errorFile = folder.appending(path: name + ".stderr")
        outputFile = folder.appending(path: name + ".stdout")
        for file in [errorFile, outputFile] { try Data().write(to: file) }
        if let processor {
            process.executableURL = Program.emulator
            process.arguments = ["-cpu", processor, Program.executable.path] + arguments
        } else {
            process.executableURL = Program.executable
            process.arguments = arguments
        }
        process.environment = environment
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors ?? errorFile)
        process.standardOutput = try FileHandle(forWritingTo: output ?? outputFile)
        process.terminationHandler = { [ended] _ in ended.signal() }
        try process.run()
    }

    /// Stands beside the test bundle in the build folder.
    static let executable = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "sentinode")

    /// Of Debian's package qemu-user.
    static let emulator = URL(filePath: "/usr/bin/qemu-x86_64")

    var processID: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits until it ends; kills it, and fails, when that takes longer than `seconds`.
    @discardableResult
    func waitForEnd(within seconds: Double = 120) throws -> End {
        guard ended.wait(timeout: .now() + seconds) == .success else {
            stop()
            throw WaitedInVain(what: "the end of sentinode, whose last words are: \(lastWords())", seconds: seconds)
        }
        ended.signal()
        return process.terminationReason == .exit
            ? .exit(process.terminationStatus) : .signal(process.terminationStatus)
    }

    /// Ends it at once, if it still runs.
    func stop() {
        guard process.isRunning else { return }
        send(SIGKILL)
        process.waitUntilExit()
    }

    /// What it has written to standard error so far.
    func log() throws -> String { try String(contentsOf: errorFile, encoding: .utf8) }
    /// What it has written to standard output so far.
    func output() throws -> String { try String(contentsOf: outputFile, encoding: .utf8) }
    func logLines() throws -> [Substring] { try log().split(separator: "\n") }

    /// The end of what it has written to standard error; of a crash, what was said before it and where it was.
    func lastWords() -> [Substring] {
        do {
            let lines = try logLines()
            guard let crash = lines.firstIndex(where: { $0.contains("*** Signal") }) else { return lines.suffix(8) }
            return Array(lines[max(0, crash - 8)..<min(lines.count, crash + 60)])
        } catch {
            return ["no log: \(error)"]
        }
    }

    /// Whether the signal waits until the running process looks for it (SigBlk of proc(5)).
    func blocks(_ signal: Int32) throws -> Bool {
        let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") })
        let mask = try #require(UInt64(line.dropFirst("SigBlk:".count).drop { $0 == "\t" }, radix: 16))
        return mask & 1 << UInt64(signal - 1) != 0
    }

    /// Kilobytes of memory that the running process occupies (VmRSS of proc(5)), and the most it ever did (VmHWM).
    func residentMemory() throws -> (now: Int, most: Int) {
        let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
        func field(_ name: String) throws -> Int {
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name + ":") })
            return try #require(Int(line.split(whereSeparator: { " \t".contains($0) })[1]))
        }
        return (try field("VmRSS"), try field("VmHWM"))
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips, with the reason, where no other processor can be emulated.
    static var needsEmulator: Self {
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: Program.emulator.path),
            "\(Program.emulator.path) is not there: run scripts/packages checks")
    }
}
