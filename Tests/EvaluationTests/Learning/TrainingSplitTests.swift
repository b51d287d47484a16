import Foundation
import Testing
import Training

@testable import Evaluation

@Suite struct TrainingSplitTests {
    /// 40 patches of ten slides, every fourth with tumour.
    private static let lines =
        ["id,label,slide_id"] + (0..<40).map { "\($0),\($0 % 4 == 0 ? 1 : 0),slide-\($0 / 4)" }

    private func withPatches(_ lines: [String] = lines, _ body: (LabelledImages, LabelledFolder) throws -> Void) throws
    {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<40, to: "all")
            try body(try LabelledImages(try folder.list("all.csv", lines: lines), side: 96), folder)
        }
    }

    @Test func `slides stay together, and both classes have about their share`() throws {
        try withPatches { all, _ in
            let split = try TrainingSplit(all, validationShare: 0.3, seed: 1)
            let slides = [split.training, split.validation].map { Set($0.patches.map(\.slide)) }
            #expect(slides[0].isDisjoint(with: slides[1]))
            #expect(slides[1].count == 3)
            #expect(split.validation.tumors == 3 && split.validation.patches.count == 12)
            #expect(split.training.patches.count == 28)
            // What a split makes has to pass as one that was given.
            _ = try TrainingSplit(training: split.training, validation: split.validation)
        }
    }

    @Test func `the same seed holds the same patches back, another one others`() throws {
        try withPatches { all, _ in
            func held(_ seed: UInt64) throws -> [String] {
                try TrainingSplit(all, validationShare: 0.3, seed: seed).validation.samples.map(\.id)
            }
            #expect(try held(1) == held(1))
            let others = try (1...5).map(held)
            #expect(Set(others).count > 1)
        }
    }

    @Test func `without slides the same picture twice stays on one side`() throws {
        try LabelledFolder.with { folder in
            try folder.write(patches: 0..<20, to: "all")
            try folder.write(patches: 0..<20, to: "all/again")
            let lines =
                ["id,label"] + (0..<20).flatMap { ["\($0),\($0 % 2)", "again/\($0),\($0 % 2)"] }
            let all = try LabelledImages(try folder.list("all.csv", lines: lines), side: 96)
            let split = try TrainingSplit(all, validationShare: 0.3, seed: 3)
            _ = try TrainingSplit(training: split.training, validation: split.validation)
            #expect(split.validation.patches.count == 12)
        }
    }

    @Test func `a picture or a slide on both sides is refused and named`() throws {
        try withPatches { all, folder in
            func part(_ numbers: Range<Int>, slides: Bool) throws -> LabelledImages {
                let lines = numbers.map { "\($0),\($0 % 4 == 0 ? 1 : 0),\(slides ? "slide-\($0 / 4)" : "")" }
                return try LabelledImages(
                    try folder.list("part.csv", lines: ["id,label,slide_id"] + lines), images: folder.path + "/all",
                    side: 96)
            }
            let picture = #expect(throws: OperationError.self) {
                try TrainingSplit(training: part(0..<20, slides: false), validation: part(18..<30, slides: false))
            }
            #expect(picture?.description.contains("2 pictures of") == true, "\(picture as Any)")
            let slide = #expect(throws: OperationError.self) {
                try TrainingSplit(training: part(0..<18, slides: true), validation: part(18..<30, slides: true))
            }
            #expect(slide?.description.contains("1 slides are in both") == true, "\(slide as Any)")
            #expect(slide?.description.contains("slide-4") == true)
            #expect(throws: Never.self) {
                try TrainingSplit(training: part(0..<20, slides: true), validation: part(20..<30, slides: true))
            }
        }
    }

    @Test func `patches of one slide cannot be split`() throws {
        let lines = ["id,label,slide_id"] + (0..<40).map { "\($0),\($0 % 2),one" }
        try withPatches(lines) { all, _ in
            let error = #expect(throws: OperationError.self) { try TrainingSplit(all, validationShare: 0.3, seed: 1) }
            #expect(error?.description.contains("cannot be split") == true)
        }
    }
}
