import Foundation
import PatchClassifier
import Testing

/// One PNG fixture; `make_fixtures.py` beside the files made it and says what Pillow answers.
struct PatchImageFixture: Sendable, CustomTestStringConvertible {
    let name: String
    /// The size to expect, in pixels.
    let width: Int
    let height: Int
    /// The reason to refuse it; nil for the accepted ones.
    let code: PatchDecodingError.Code?

    var testDescription: String { name }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/png")
    static let accepted = rows("accepted.csv")
    static let refused = rows("refused.csv")

    /// The image's bytes.
    func bytes() throws -> [UInt8] {
        try [UInt8](
            Data(contentsOf: Self.folder.appending(path: code == nil ? "accepted/\(name).png" : "refused/\(name)")))
    }

    /// Pillow's answer: raw RGB.
    func pixels() throws -> [UInt8] {
        try [UInt8](Data(contentsOf: Self.folder.appending(path: "accepted/\(name).rgb")))
    }

    /// An unreadable list gives no rows, which a test of its own notices.
    private static func rows(_ file: String) -> [PatchImageFixture] {
        guard let text = try? String(contentsOf: folder.appending(path: file), encoding: .utf8) else { return [] }
        return text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: ",").map(String.init)
            guard let width = Int(fields[1]), let height = Int(fields[2]) else { return nil }
            let code = fields.count > 3 ? PatchDecodingError.Code(rawValue: fields[3]) : nil
            return PatchImageFixture(name: fields[0], width: width, height: height, code: code)
        }
    }
}

/// The 1,000 real patches that lie beside the package on some machines. A file is named by the SHA-1 of its pixels.
enum RealPatches {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/pcam/test").standardizedFileURL
    static let areThere = FileManager.default.fileExists(atPath: folder.path)

    static func files() throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "png" }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }
}
