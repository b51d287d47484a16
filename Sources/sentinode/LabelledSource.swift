import ArgumentParser
import Evaluation
import PatchClassifier

/// Labelled patches as a person names them on the command line: files, or labels of the database.
struct LabelledSource: ParsableArguments {
    @Argument(
        help:
            "Labelled patches: a CSV file, a folder with a folder for each class, or NAME_x.h5 with NAME_y.h5 beside it."
    )
    var source: String?
    @Flag(help: "Final labels of the database instead, whose patches are kept; SENTINODE_DATABASE_URL names it.")
    var fromDatabase = false
    @Option(help: "Labels as they stood then (RFC 3339); with --from-database.")
    var asOf: TimeArgument?
    @Option(help: "Labels of this site alone; can be given again; with --from-database.")
    var site: [String] = []
    @Option(help: "Folder of the PNG files that CSV files list (default: beside each).")
    var images: String?
    @Flag(help: "Leave out what cannot be read as a patch, instead of stopping.")
    var skipBad = false

    func validate() throws {
        guard (source == nil) == fromDatabase else {
            throw ValidationError("name labelled patches, or take those of the database with --from-database")
        }
        guard fromDatabase || (asOf == nil && site.isEmpty) else {
            throw ValidationError("--as-of and --site go with --from-database")
        }
    }

    /// - Throws: `OperationError` where something is no patch and is not to be left out.
    func read(side: Int) throws -> LabelledImages {
        guard let source else {
            let labels = DatabaseLabels(asOf: asOf?.time, sites: site)
            return try accepted(LabelledImages(labels, databaseSettings("labels", statementTimeout: 300), side: side))
        }
        return try read(source, side: side)
    }

    /// Another list of files.
    func read(_ path: String, side: Int) throws -> LabelledImages {
        try accepted(LabelledImages(path, images: images, side: side))
    }

    /// Tells of what is no patch.
    private func accepted(_ read: LabelledImages) throws -> LabelledImages {
        guard !read.problems.isEmpty else { return read }
        for problem in read.problems.prefix(20) { complain("\(problem.path): \(problem.sentence)") }
        if read.problems.count > 20 { complain("and \(read.problems.count - 20) more") }
        guard skipBad else {
            throw OperationError(
                "\(read.problems.count) of \(read.problems.count + read.patches.count) of \(read.source) are no patches: mend "
                    + "them, or leave them out with --skip-bad")
        }
        return read
    }
}

/// Weights as a person names them: a file, or a version of the database.
struct NamedModel {
    let name: String
    let weights: Weights
    let declaration: VersionDeclaration
    /// A version has one; weights of a file are computed as a version made now would be.
    let arithmetic: Arithmetic
    /// Whether it is a file, beside which what is chosen can be written.
    let isFile: Bool

    /// What has a folder or an ending in its name is a file; anything else a version.
    init(_ name: String) throws {
        self.name = name
        isFile = name.contains("/") || name.hasSuffix(".safetensors") || name.hasSuffix(".pt") || name.hasSuffix(".pth")
        if isFile {
            weights = try Weights.read(path: name)
            declaration =
                try VersionDeclaration.read(beside: name)
                ?? VersionDeclaration(DecisionRule(OperatingPoint(threshold: 0.5)))
            arithmetic = .current
        } else {
            let registry = try ModelRegistry(databaseSettings("model"))
            let version = try registry.version(named: name)
            weights = try registry.weights(of: name)
            declaration = VersionDeclaration(version.rule, version.scope)
            arithmetic = try version.knownArithmetic
        }
    }

    /// - Throws: `OperationError` that names it, for weights that are no network of the family.
    var network: Network {
        get throws {
            do {
                return try Network(weights, arithmetic: arithmetic)
            } catch {
                throw OperationError("\(name): \(error)")
            }
        }
    }
}
