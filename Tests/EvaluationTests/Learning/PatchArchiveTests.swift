import Foundation
import PatchClassifier
import Testing
import Training

@testable import Evaluation

/// Pairs of HDF5 files as PCam is published in, made by h5py.
@Suite(.serialized) struct PatchArchiveTests {
    private let folder: URL

    init() throws {
        folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/pcam")
    }

    private func copies(_ body: (_ x: URL, _ y: URL) throws -> Void) throws {
        let place = FileManager.default.temporaryDirectory.appending(path: randomName())
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let (x, y) = (place.appending(path: "patches_x.h5"), place.appending(path: "patches_y.h5"))
        try FileManager.default.copyItem(at: folder.appending(path: "patches_x.h5"), to: x)
        try FileManager.default.copyItem(at: folder.appending(path: "patches_y.h5"), to: y)
        try body(x, y)
        try FileManager.default.removeItem(at: place)
    }

    private func refusal(_ path: String, side: Int = 96) -> String? {
        do {
            _ = try LabelledImages(path, side: side)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `patches and labels come in their order, pixel by pixel`() throws {
        let read = try LabelledImages(folder.appending(path: "patches_x.h5").path, side: 96)
        #expect(read.patches.map(\.sample.isTumor) == [false, true, false, true, false, true])
        #expect(read.patches.map(\.sample.id) == (0..<6).map { "\($0)" })
        for (number, patch) in read.patches.enumerated() {
            let colour = [UInt8(40 * number), 10, UInt8(200 - number)]
            #expect(patch.sample.patch.rgb == (0..<96 * 96).flatMap { _ in colour })
        }
    }

    @Test func `what is no such pair is refused by name`() throws {
        try copies { x, y in
            #expect(refusal(x.path, side: 64)?.contains("patches of 96 pixels, 64") == true)
            let whole = try Data(contentsOf: x)
            try whole.prefix(700).write(to: x)
            #expect(refusal(x.path)?.contains("patches_x.h5 is no HDF5 file, or a damaged one") == true)
            try Data(contentsOf: y).write(to: x)
            #expect(refusal(x.path)?.contains("patches_x.h5 holds no dataset x") == true)
            try whole.write(to: x)
            try whole.write(to: y)
            #expect(refusal(x.path)?.contains("patches_y.h5 holds no dataset y") == true)
            try FileManager.default.removeItem(at: y)
            #expect(refusal(x.path)?.contains("patches_y.h5 does not exist") == true)
        }
    }

    @Test func `damage in the middle is found, or leaves the pixels as they are`() throws {
        try copies { x, _ in
            let whole = try Data(contentsOf: x)
            let right = try LabelledImages(x.path, side: 96).patches.map(\.sample.patch)
            var refused = 0
            for place in stride(from: 0, to: whole.count, by: max(1, whole.count / 60)) {
                var damaged = whole
                damaged[place] ^= 0xff
                try damaged.write(to: x)
                if refusal(x.path) != nil { refused += 1 }
            }
            #expect(refused > 0)
            try whole.write(to: x)
            #expect(try LabelledImages(x.path, side: 96).patches.map(\.sample.patch) == right)
        }
    }
}
