import ArgumentParser
import Evaluation
import Foundation

struct Labels: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring in labels that a reader gave elsewhere.",
        discussion: """
            Example:
              sentinode labels import S-17.geojson --slide S-17 --reader anna --reason "annotated in QuPath" --dry-run
            """,
        subcommands: [Import.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Store the labels of a CSV file or of QuPath's GeoJSON, under the name of a reader.",
            discussion: """
                CSV has a header line and the columns job_id,label or slide_id,x,y,label (left and top edge, \
                full-resolution pixels), separated by commas, semicolons or tabs, as the header line shows; a label is \
                tumor, normal or unassessable.

                GeoJSON (with --slide) has regions, in full-resolution pixels: Polygon and MultiPolygon with a class. A \
                patch becomes tumor where a Tumor region touches its central 32x32 pixels, normal only where Normal \
                regions cover all of them; tumor wins. A tile that `sentinode export` wrote speaks of its own patch \
                alone. Points and measuring lines are no areas: they are left out and counted. Everything else in the \
                file counts as the reader's word, so take out what the reader has not looked at.

                What the reader has labelled before is left out and said. All is stored, or nothing. Labels of the \
                random sample count as voluntary: nobody knows why just these were labelled.

                Examples:
                  sentinode labels import labels.csv --reader anna --reason "study of May" --dry-run
                  sentinode labels import labels.csv --reader anna --reason "study of May" --class 1=tumor --class 0=normal
                  sentinode labels import S-17.geojson --slide S-17 --reader anna --reason "annotated in QuPath" \\
                      --class Stroma=normal --class 'Region*=skip'
                """)

        @Argument(help: "CSV file, or GeoJSON with --slide.") var file: String
        @Option(help: "Login of the reader whose word it is.") var reader: String
        @Option(help: "Why; it stays with the labels and in the audit trail.") var reason: Reason
        @Option(help: "GeoJSON: the slide on which the regions lie.") var slide: String?
        @Option(
            name: .customLong("class"),
            help:
                "NAME=LABEL: what a name in the file means, LABEL being tumor, normal, unassessable or skip; again for more."
        )
        var classes: [ClassMeaning] = []
        @Option(
            help: "GeoJSON: side of a patch in full-resolution pixels (default: 96 times 2 to the power of its level).")
        var patchSide: Int64?
        @Option(help: "How certain the reader was, 1 to 5.") var confidence: Int32?
        @Flag(help: "Leave out what no stored prediction belongs to, rather than refuse.") var skipUnknown = false
        @Flag(help: "Show what would be labelled; store nothing.") var dryRun = false

        func validate() throws {
            let isGeoJSON = file.hasSuffix(".geojson") || file.hasSuffix(".json")
            guard isGeoJSON == (slide != nil) else {
                throw ValidationError(
                    isGeoJSON ? "GeoJSON needs --slide" : "--slide is for .geojson: CSV names its slides")
            }
            guard (1...5).contains(confidence ?? 1) else { throw ValidationError("--confidence is 1 to 5") }
            guard (3...1_000_000).contains(patchSide ?? 96) else {
                throw ValidationError("--patch-side is 3 to 1,000,000")
            }
        }

        func run() throws {
            try reportingFailures {
                let labels = try LabelImport(databaseSettings("labels", statementTimeout: 600))
                let names = LabelNames(Dictionary(classes.map { ($0.name, $0.meaning) }) { $1 })
                let plan = try labels.plan(file: file, reader: reader, slide: slide, names: names, patchSide: patchSide)
                LabelReport(plan).show()
                if !dryRun { try store(plan, labels) }
            }
        }

        private func store(_ plan: LabelPlan, _ labels: LabelImport) throws {
            guard plan.unknown.isEmpty || skipUnknown else {
                throw OperationError(
                    "nothing was imported: no stored prediction belongs to \(plan.unknown[0]); --skip-unknown leaves out "
                        + "what is unknown")
            }
            let stored = try labels.store(plan, reason: reason.text, confidence: confidence)
            print("\(stored) labels of \(reader) are stored")
            guard plan.otherwise.isEmpty else {
                complain(
                    "\(plan.otherwise.count) patches were left out, of which \(reader) has said otherwise: only "
                        + "\(reader) can change that, with review.amend")
                throw Exit.problemFound
            }
        }
    }
}

/// `NAME=LABEL` on the command line.
struct ClassMeaning: ExpressibleByArgument {
    let name: String
    let meaning: LabelNames.Meaning

    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "=") else { return nil }
        name = String(argument[..<sign])
        let word = String(argument[argument.index(after: sign)...])
        if word == "skip" {
            meaning = .skip
        } else if let label = Label(rawValue: word) {
            meaning = .label(label)
        } else {
            return nil
        }
    }
}

/// What an import would do, as tables.
private struct LabelReport {
    /// Rows and unknown patches shown one by one.
    static let shown = 10

    private let plan: LabelPlan

    init(_ plan: LabelPlan) {
        self.plan = plan
    }

    func show() {
        printTable(
            ["label", "new", "of these against another reader", "said already", "said otherwise, left out"],
            Label.allCases.map { label in
                let against = plan.toStore.filter { $0.label == label && $0.contradictsOthers }.count
                return [
                    label.rawValue, "\(plan.count(label, .new))", "\(against)", "\(plan.count(label, .already))",
                    "\(plan.count(label, .otherwise))",
                ]
            })
        if plan.untouched + plan.partly > 0 {
            print(
                "\(plan.untouched) patches lie in no region, \(plan.partly) only in part in normal ones: not labelled")
        }
        if !plan.marks.isEmpty {
            let kinds = plan.marks.map { "\($0.count) \($0.mark.rawValue)" }.joined(separator: ", ")
            print("features of the file that are no areas, left out: \(kinds)")
        }
        if !plan.foreignSites.isEmpty {
            print("the reader may not read the site: \(plan.foreignSites.joined(separator: ", "))")
        }
        if !plan.unknown.isEmpty {
            let some = plan.unknown.prefix(LabelReport.shown).joined(separator: ", ")
            let rest = plan.unknown.count > LabelReport.shown ? ", ..." : ""
            print("no stored prediction belongs to \(plan.unknown.count) of the file: \(some)\(rest)")
        }
        showRows()
    }

    private func showRows() {
        guard !plan.toStore.isEmpty else { return }
        print("")
        printTable(
            ["job", "slide", "x", "y", "label"],
            plan.toStore.prefix(LabelReport.shown).map { row in
                [
                    row.job.text, row.slide ?? "", row.x.map { "\($0)" } ?? "",
                    row.y.map { "\($0)" } ?? "", row.label.rawValue,
                ]
            })
        if plan.toStore.count > LabelReport.shown { print("... and \(plan.toStore.count - LabelReport.shown) more") }
    }
}
