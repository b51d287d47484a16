import ArgumentParser
import Database
import Evaluation
import Foundation
import MessageBroker
import PatchClassifier
import Training

/// Why a command ended, as the shell sees it (sysexits.h).
enum Exit {
    static let problemFound = ExitCode(1)
    static let usage = ExitCode(64)
    static let unavailable = ExitCode(69)
    static let bug = ExitCode(70)
    static let outputLost = ExitCode(74)
    /// Somebody stopped it before it was done; the next one goes on.
    static let stopped = ExitCode(75)
    static let configuration = ExitCode(78)
}

/// Runs a command's work; what goes wrong becomes one sentence on stderr and an exit code.
func reportingFailures(_ work: () throws -> Void) throws {
    if let warning = SettingNames.warning() { complain(warning) }
    try reportingFailures(to: complain, work)
}

/// The same, for a command that has its own way to say things.
func reportingFailures(to say: (String) -> Void, _ work: () throws -> Void) throws {
    let code = exitCode(of: work, say)
    let isWritten = StandardOutput.isWritten()
    if !isWritten { say("what was printed could not be written to the end: is the disk full?") }
    if let code { throw code }
    if !isWritten { throw Exit.outputLost }
}

/// nil where all went well.
private func exitCode(of work: () throws -> Void, _ say: (String) -> Void) -> ExitCode? {
    do {
        try work()
        return nil
    } catch let code as ExitCode {
        return code
    } catch let error as ConfigurationError {
        for problem in error.problems { say(problem) }
        return Exit.configuration
    } catch {
        say(sentence(for: error))
        return code(for: error)
    }
}

/// One line on stderr.
func complain(_ sentence: String) {
    StandardError.write("sentinode: \(sentence)\n")
}

private func sentence(for error: any Error) -> String {
    switch error {
    case let error as DatabaseError where error.isRefusalForPeople: error.message
    case let error as DatabaseError: "\(error); \(error.advice ?? "`sentinode doctor` tells more")"
    case let error as BrokerError: "\(error); `sentinode doctor` tells more"
    case let error as CocoaError: "\(error.filePath ?? "a file") cannot be read or written"
    default: "\(error)"
    }
}

private func code(for error: any Error) -> ExitCode {
    switch error {
    case let error as DatabaseError where error.isRefusalForPeople: Exit.problemFound
    case let error as BrokerError: error.isTransient ? Exit.unavailable : Exit.configuration
    case let error as DatabaseError: error.isTransient ? Exit.unavailable : Exit.configuration
    case let error as MigrationError: error.isTransient ? Exit.unavailable : Exit.configuration
    case is UnfinishedWork, is AnotherMonitorLeads: Exit.unavailable
    case is VersionError, is ReviewKeyError: Exit.configuration
    case is OperationError, is WeightsError, is NetworkError, is PatchDecodingError, is TrainingError: Exit.problemFound
    case is CocoaError: Exit.problemFound
    default: Exit.bug
    }
}

extension DatabaseError {
    /// Whether a function of the database refused what was asked, in a sentence that says what to do.
    fileprivate var isRefusalForPeople: Bool { sqlstate.hasPrefix("SN") }
}
