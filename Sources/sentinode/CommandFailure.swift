import ArgumentParser
import Database
import Evaluation
import Foundation
import MessageBroker
import PatchClassifier

/// Why a command ended, as the shell sees it (sysexits.h).
enum Exit {
    static let problemFound = ExitCode(1)
    static let usage = ExitCode(64)
    static let unavailable = ExitCode(69)
    static let bug = ExitCode(70)
    static let configuration = ExitCode(78)
}

/// Runs a command's work; what goes wrong becomes one sentence on stderr and an exit code.
func reportingFailures(_ work: () throws -> Void) throws {
    do {
        try work()
    } catch let code as ExitCode {
        throw code
    } catch let error as ConfigurationError {
        for problem in error.problems { complain(problem) }
        throw Exit.configuration
    } catch {
        complain(sentence(for: error))
        throw code(for: error)
    }
}

/// One line on stderr.
func complain(_ sentence: String) {
    FileHandle.standardError.write(Data("sentinode: \(sentence)\n".utf8))
}

private func sentence(for error: any Error) -> String {
    switch error {
    case let error as DatabaseError where error.isRefusalForPeople: error.message
    case let error as DatabaseError where error.sqlstate == "42501":
        "\(error); use a login that was granted the role for this: sentinode_worker to work, sentinode_admin for "
            + "models, readers, labels, erasure and quarantine, sentinode_auditor to verify, sentinode_owner to migrate"
    case let error as DatabaseError: "\(error); `sentinode doctor` tells more"
    case let error as BrokerError: "\(error); `sentinode doctor` tells more"
    default: "\(error)"
    }
}

private func code(for error: any Error) -> ExitCode {
    switch error {
    case let error as DatabaseError where error.isRefusalForPeople: Exit.problemFound
    case let error as BrokerError: error.isTransient ? Exit.unavailable : Exit.configuration
    case let error as DatabaseError: error.isTransient ? Exit.unavailable : Exit.configuration
    case let error as MigrationError: error.isTransient ? Exit.unavailable : Exit.configuration
    case is UnfinishedWork: Exit.unavailable
    case is VersionError, is ReviewKeyError: Exit.configuration
    case is OperationError, is WeightsError, is NetworkError, is PatchDecodingError: Exit.problemFound
    case is CocoaError: Exit.problemFound
    default: Exit.bug
    }
}

extension DatabaseError {
    /// Whether a function of the database refused what was asked, in a sentence that says what to do.
    fileprivate var isRefusalForPeople: Bool { sqlstate.hasPrefix("SN") }
}
