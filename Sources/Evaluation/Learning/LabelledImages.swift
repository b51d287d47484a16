import AuditTrail
import Dispatch
import Foundation
import PatchClassifier
import Synchronization
public import Training

/// A labelled patch as it was decoded.
public struct LabelledImage: Sendable {
    public let sample: TrainingSample
    public let slide: String?
    public let source: PatchSource
    /// SHA-256 of its pixels.
    let pixels: Digest

    init(
        _ patch: Patch, id: String, isTumor: Bool, weight: Double = 1, slide: String? = nil,
        source: PatchSource = PatchSource()
    )
        throws
    {
        sample = TrainingSample(patch, id: id, isTumor: isTumor, weight: weight)
        (self.slide, self.source) = (slide, source)
        let hash = try Hash()
        try patch.rgb.withUnsafeBytes { try hash.update($0) }
        pixels = try hash.finalizeDigest()
    }
}

/// All patches of a labelled source, decoded, and the files of it that are none.
public struct LabelledImages: Sendable {
    /// Where they are from, as a person named it.
    public let source: String
    public var patches: [LabelledImage]
    public let problems: [PatchFiles.Problem]

    public var samples: [TrainingSample] { patches.map(\.sample) }
    public var tumors: Int { patches.count(where: \.sample.isTumor) }

    /// `source` is a CSV file (`id,label`, optional `slide_id`, `site`, `scanner`, `stain`, `path`), a folder of two class folders, or the
    /// `NAME_x.h5` of a pair as PCam is published in.
    /// `images` is the folder of a CSV file's patches where they are not beside it. Files are decoded on all cores.
    ///
    /// - Throws: `OperationError` for a source that is no such thing, or where one picture has both labels.
    public init(_ source: String, images: String? = nil, side: Int) throws {
        if PatchArchive.isOne(source) {
            try self.init(archive: source, side: side)
            return
        }
        let entries = try LabelledList(source, images: images).entries
        guard !entries.isEmpty else { throw OperationError("\(source) lists no patch") }
        let shared = Mutex(
            (next: 0, decoded: [Result<LabelledImage, Unreadable>?](repeating: nil, count: entries.count)))
        DispatchQueue.concurrentPerform(iterations: min(entries.count, ProcessInfo.processInfo.activeProcessorCount)) {
            _ in
            while true {
                let number = shared.withLock { shared in
                    defer { shared.next += 1 }
                    return shared.next
                }
                guard number < entries.count else { return }
                let decoded = Result { () throws(Unreadable) in try LabelledImages.decode(entries[number], side) }
                shared.withLock { $0.decoded[number] = decoded }
            }
        }
        var (patches, problems) = ([LabelledImage](), [PatchFiles.Problem]())
        for (entry, result) in zip(entries, shared.withLock { $0.decoded }) {
            switch result {
            case .success(let patch): patches.append(patch)
            case .failure(let error): problems.append(.init(path: entry.path, sentence: error.sentence))
            case nil: problems.append(.init(path: entry.path, sentence: "was not reached"))
            }
        }
        try self.init(source: source, patches: patches, problems: problems)
    }

    private static let archivePage = 256

    private init(archive source: String, side: Int) throws {
        let archive = try PatchArchive(source)
        guard archive.side == side else {
            throw OperationError("\(source) holds patches of \(archive.side) pixels, \(side) were expected")
        }
        guard archive.count > 0 else { throw OperationError("\(source) holds no patch") }
        var patches: [LabelledImage] = []
        for start in stride(from: 0, to: archive.count, by: LabelledImages.archivePage) {
            let range = start..<min(start + LabelledImages.archivePage, archive.count)
            for (number, one) in zip(range, try archive.read(range)) {
                patches.append(
                    try LabelledImage(one.patch, id: "\(number)", isTumor: one.isTumor))
            }
        }
        try self.init(source: source, patches: patches, problems: [])
    }

    init(source: String, patches: [LabelledImage], problems: [PatchFiles.Problem]) throws(OperationError) {
        (self.source, self.patches, self.problems) = (source, patches, problems)
        try requireOneLabelAPicture()
    }

    private struct Unreadable: Error { let sentence: String }

    private static func decode(_ entry: LabelledList.Entry, _ side: Int) throws(Unreadable) -> LabelledImage {
        do {
            let patch = try Patch(png: [UInt8](Data(contentsOf: URL(filePath: entry.path))), width: side, height: side)
            return try LabelledImage(
                patch, id: entry.id, isTumor: entry.isTumor, slide: entry.slide, source: entry.source)
        } catch let error as PatchDecodingError {
            throw Unreadable(sentence: error.message)
        } catch let error as HashingError {
            throw Unreadable(sentence: "\(error)")
        } catch {
            throw Unreadable(sentence: "the file cannot be read")
        }
    }

    private func requireOneLabelAPicture() throws(OperationError) {
        var seen: [Digest: LabelledImage] = [:]
        for patch in patches {
            guard let other = seen.updateValue(patch, forKey: patch.pixels) else { continue }
            guard other.sample.isTumor == patch.sample.isTumor else {
                throw OperationError(
                    "\(source): \(other.sample.id) and \(patch.sample.id) are the same picture, once with tumour and once "
                        + "without: one label is expected")
            }
        }
    }

    /// SHA-256 over every id, label, weight and picture, in order: names the data that something was learned from.
    public func digest() throws -> String {
        let hash = try Hash()
        for patch in patches {
            let line = "\(patch.sample.id)\u{0}\(patch.sample.isTumor)\u{0}\(patch.sample.weight.bitPattern)\u{0}"
            try Array(line.utf8).withUnsafeBytes { try hash.update($0) }
            try hash.update(patch.pixels)
        }
        return hexadecimal(try hash.finalize())
    }
}
