import Evaluation

/// Labelled patches as a person named them on the command line.
struct LabelledSource {
    private let path: String
    private let images: String?
    private let skipBad: Bool

    init(_ path: String, images: String?, skipBad: Bool) {
        (self.path, self.images, self.skipBad) = (path, images, skipBad)
    }

    /// Tells of files that are no patches.
    ///
    /// - Throws: `OperationError` where there are some and they are not to be skipped.
    func read(side: Int) throws -> LabelledImages {
        let read = try LabelledImages(path, images: images, side: side)
        guard !read.problems.isEmpty else { return read }
        for problem in read.problems.prefix(20) { complain("\(problem.path): \(problem.sentence)") }
        if read.problems.count > 20 { complain("and \(read.problems.count - 20) more") }
        guard skipBad else {
            throw OperationError(
                "\(read.problems.count) of \(read.problems.count + read.patches.count) files of \(path) are no patches: mend "
                    + "them, or leave them out with --skip-bad")
        }
        return read
    }
}
