import Foundation
import MessageBroker
import PatchClassifier
import Testing

@testable import Database
@testable import Evaluation

/// A person who reviews in a laboratory, with a database login of their own.
struct LaboratoryReader {
    let login: String
    let url: String

    func connect() throws -> DatabaseConnection {
        try DatabaseConnection(DatabaseSettings(url: url, applicationName: "sentinode tests"))
    }
}

extension Laboratory {
    var settings: DatabaseSettings { DatabaseSettings(url: databaseURL, applicationName: "sentinode tests") }

    /// Makes a login, with what stands behind `create role ... login`; the caller drops it.
    func makeLogin(_ more: String = "") throws -> LaboratoryReader {
        let (login, password) = ("login_" + randomName(), randomName())
        try database.run(script: "create role \(login) login password '\(password)' \(more)")
        return LaboratoryReader(
            login: login, url: try stack.databaseURL(database: databaseName, user: login, password: password))
    }

    func drop(_ reader: LaboratoryReader) {
        do {
            try database.run(script: "drop role \(reader.login)")
        } catch {
            Issue.record(error)
        }
    }

    /// Lets somebody review while `body` runs.
    func withReader(sites: [String] = ["*"], _ body: (LaboratoryReader) throws -> Void) throws {
        let reader = try makeLogin()
        defer { drop(reader) }
        try ReaderRegistry(settings).add(
            NewReader(login: reader.login, fullName: "Dr. Anna Weber", qualification: "pathologist", sites: sites))
        try body(reader)
    }

    /// Evaluates patches that lie side by side on a slide, six in a row, named `<slide>-0`, `<slide>-1`, ...
    ///
    /// The model's answers differ; with `uncertain` some are left to a person.
    func evaluateSlide(_ slide: String, patches: Int, site: String = "north", uncertain: Range<Float>? = nil) throws {
        if let uncertain {
            let registry = try registry()
            _ = try registry.importModel(
                path: TemplateDatabase.weights, name: "banded",
                rule: DecisionRule(OperatingPoint(threshold: 0.5, uncertain: uncertain)),
                card: nil)
            _ = try registry.activate("banded", reason: "a test")
        }
        try publish(
            try (0..<patches).map { number in
                TestPatches.message(
                    try SlidePatches.png(number), id: "\(slide)-\(number)",
                    headers: [
                        Field("slide_id", .text(slide)), Field("site", .text(site)),
                        Field("case_pseudonym", .text("case-of-\(slide)")),
                        Field("x", .int(Int64(number % 6 * 96))), Field("y", .int(Int64(number / 6 * 96))),
                    ])
            })
        try drain()
    }

    /// Runs a command to its end; what it printed and what it complained of.
    func runToEnd(_ arguments: String..., environment: [String: String] = [:]) throws -> (
        end: Program.End, output: String, log: String
    ) {
        let program = try start(arguments, environment: environment)
        let end = try program.waitForEnd()
        return (end, try program.output(), try program.log())
    }

    /// Writes a file that a command can read.
    func write(_ text: String, to name: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: databaseName).appending(path: name)
        try Data(text.utf8).write(to: file)
        return file.path
    }
}

/// Artificial patches on which the model's answers differ.
private enum SlidePatches {
    static func png(_ number: Int) throws -> [UInt8] {
        try PatchSynthesizer(seed: 1).patch(number: number, tumor: number % 2 == 0).pngEncoded()
    }
}
