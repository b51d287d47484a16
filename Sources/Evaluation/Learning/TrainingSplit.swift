import AuditTrail
import PatchClassifier
import Training

/// Patches to learn from, and patches to judge by that have nothing to do with them.
public struct TrainingSplit: Sendable {
    public let training: LabelledImages
    public let validation: LabelledImages

    /// - Throws: `OperationError` where a picture or a slide is in both.
    public init(training: LabelledImages, validation: LabelledImages) throws(OperationError) {
        (self.training, self.validation) = (training, validation)
        let pictures = Dictionary(
            training.patches.map { ($0.pixels, $0.sample.id) }, uniquingKeysWith: { first, _ in first })
        let shared = validation.patches.compactMap { patch in
            pictures[patch.pixels].map { "\(patch.sample.id) is \($0)" }
        }
        guard shared.isEmpty else {
            throw OperationError(
                "\(shared.count) pictures of \(validation.source) are in \(training.source) too (\(few(shared))): what was "
                    + "learned from them would be judged by them; take them out of one")
        }
        let slides = Set(training.patches.compactMap(\.slide))
        let both = Set(validation.patches.compactMap(\.slide)).intersection(slides).sorted()
        guard both.isEmpty else {
            throw OperationError(
                "\(both.count) slides are in both \(training.source) and \(validation.source) (\(few(both))): patches of a "
                    + "slide are alike; split by slide")
        }
    }

    /// Holds a share of `all` back to validate with: whole slides where slides are known, each picture with its twins,
    /// and of each class about the share. The same seed holds the same back.
    ///
    /// - Throws: `OperationError` where that leaves one of both without a class.
    public init(_ all: LabelledImages, validationShare: Double, seed: UInt64) throws(OperationError) {
        let groups = TrainingSplit.groups(all.patches)
        // A stream of its own: "SPLIT" in ASCII.
        var random = RandomStream(seed, 0x5350_4c49_54)
        var drawn = groups.map { (key: random.next(), members: $0) }
        drawn.sort { $0.key < $1.key }
        let totals = [all.patches.count - all.tumors, all.tumors].map { Double($0) * validationShare }
        var held = Set<Int>(), counts = [0.0, 0.0]
        for group in drawn {
            let tumors = Double(group.members.count { all.patches[$0].sample.isTumor })
            let added = [Double(group.members.count) - tumors, tumors]
            // A group is held back where that brings the classes nearer to their share.
            let before = zip(counts, totals).reduce(0) { $0 + abs($1.0 - $1.1) }
            let after = zip(zip(counts, added).map(+), totals).reduce(0) { $0 + abs($1.0 - $1.1) }
            guard after < before else { continue }
            held.formUnion(group.members)
            counts = zip(counts, added).map(+)
        }
        var (training, validation) = (all, all)
        training.patches = all.patches.indices.filter { !held.contains($0) }.map { all.patches[$0] }
        validation.patches = all.patches.indices.filter { held.contains($0) }.map { all.patches[$0] }
        for part in [training, validation] where part.tumors == 0 || part.tumors == part.patches.count {
            throw OperationError(
                "\(all.source) cannot be split: one part would have patches of one class only; name a source of its own to "
                    + "validate with")
        }
        (self.training, self.validation) = (training, validation)
    }

    /// Patches that have to stay together, in the order of their first: those of a slide, those of a picture, and those
    /// that are joined by others.
    private static func groups(_ patches: [LabelledImage]) -> [[Int]] {
        var parents = Array(patches.indices)
        func root(_ index: Int) -> Int {
            var place = index
            while parents[place] != place {
                parents[place] = parents[parents[place]]
                place = parents[place]
            }
            return place
        }
        var slides: [String: Int] = [:], pictures: [Digest: Int] = [:]
        for (index, patch) in patches.enumerated() {
            let same = [
                patch.slide.flatMap { slides.updateValue(index, forKey: $0) },
                pictures.updateValue(index, forKey: patch.pixels),
            ]
            for other in same.compactMap(\.self) {
                let (one, two) = (root(index), root(other))
                parents[max(one, two)] = min(one, two)
            }
        }
        let members = Dictionary(grouping: patches.indices, by: root)
        return members.sorted { $0.key < $1.key }.map(\.value)
    }
}

private func few(_ names: [String]) -> String {
    names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", ..." : "")
}
