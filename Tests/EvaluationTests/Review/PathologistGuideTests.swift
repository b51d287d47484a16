import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// docs/for-pathologists.md, tried as written: by a reader, through psql, in the order of the page.
@Suite(.needsStack) struct PathologistGuideTests {
    private struct Step {
        let sql: String
        /// The names of the columns that the page shows; nil where it shows no output.
        let columns: [String]?
    }

    private static let page = Stack.packageRoot.appending(path: "docs/for-pathologists.md")

    private static func steps() throws -> [Step] {
        let text = try String(contentsOf: page, encoding: .utf8)
        return text.matches(of: #/```sql\n(?<sql>(?:(?!```)[\s\S])*)```(?:\n```\n(?<header>[^\n]*)\n)?/#).map { match in
            Step(sql: String(match.sql), columns: match.header.map { columns(of: String($0)) })
        }
    }

    private static func columns(of line: String) -> [String] {
        line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// Runs psql in the laboratory's folder; what it wrote, and what it complained of.
    private static func psql(_ script: String, _ reader: LaboratoryReader, in folder: URL) throws -> (
        Int32, String, String
    ) {
        let process = Process()
        let (input, output, errors) = (Pipe(), Pipe(), folder.appending(path: "psql.stderr"))
        try Data().write(to: errors)
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", reader.url]
        process.currentDirectoryURL = folder
        (process.standardInput, process.standardOutput) = (input, output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        // Shorter than a pipe holds.
        try input.fileHandleForWriting.write(contentsOf: Data(script.utf8))
        try input.fileHandleForWriting.close()
        let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, printed, try String(contentsOf: errors, encoding: .utf8))
    }

    @Test func `every statement of the page works when pasted, and shows the columns that the page shows`() async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("synthetic-1-0", patches: 30, site: "synthetic", uncertain: 0.1..<0.75)
            try laboratory.withReader(sites: ["synthetic"]) { reader in
                let steps = try Self.steps()
                try #require(steps.count > 10 && steps.filter { $0.columns != nil }.count > 6)
                let script = steps.map { $0.sql + "\\echo =====\n" }.joined()
                let folder = URL(filePath: try laboratory.write("", to: "empty")).deletingLastPathComponent()
                let (status, printed, complaints) = try Self.psql(script, reader, in: folder)
                #expect(status == 0 && complaints == "", "\(complaints)")
                let outputs = printed.components(separatedBy: "=====\n")
                for (step, output) in zip(steps, outputs) {
                    guard let columns = step.columns else { continue }
                    #expect(Self.columns(of: output.components(separatedBy: "\n")[0]) == columns, "\(step.sql)")
                    #expect(!output.contains("(0 rows)"), "\(step.sql)")
                }
                let exported = try CSVTable(
                    String(contentsOf: folder.appending(path: "synthetic-1-0.csv"), encoding: .utf8))
                #expect(exported.rows.count == 30)
            }
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }
}
