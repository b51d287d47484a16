import Foundation
import Testing

@testable import Evaluation

@Suite struct QuPathFileTests {
    private static let outline = "[[0, 0], [96, 0], [96, 96], [0, 96], [0, 0]]"

    private static func feature(_ classification: String, type: String = "annotation", id: String = "") -> String {
        """
        {"type": "Feature", \(id) "geometry": {"type": "Polygon", "coordinates": [\(outline)]},
         "properties": {"objectType": "\(type)", "classification": \(classification)}}
        """
    }

    private static func read(_ text: String) throws -> [QuPathFeature] {
        try QuPathFile(Data(text.utf8)).features
    }

    private static func complaint(_ text: String) -> String {
        do {
            _ = try read(text)
            return "nothing"
        } catch {
            return "\(error)"
        }
    }

    @Test func `a collection, a list and a single feature are read alike`() throws {
        let feature = Self.feature(#"{"name": "Tumor", "color": [200, 0, 0]}"#)
        for text in [#"{"type": "FeatureCollection", "features": [\#(feature)]}"#, "[\(feature)]", feature] {
            #expect(try Self.read(text).map(\.className) == ["Tumor"])
        }
    }

    @Test func `classes are read as every version of QuPath writes them`() throws {
        let classes = [
            #"{"name": "Tumor", "colorRGB": -3670016}"#: "Tumor",
            #"{"names": ["Tumor", "Positive"], "color": [1, 2, 3]}"#: "Tumor: Positive",
            #""Stroma""#: "Stroma", "null": nil, "{}": nil,
        ]
        for (text, name) in classes { #expect(try Self.read(Self.feature(text))[0].className == name, "\(text)") }
    }

    @Test func `a tile keeps the job that its id names`() throws {
        let id = "4d0f6f2e-7c1b-4a52-9c36-0e9b1f0a7d11"
        let tile = try Self.read(Self.feature("null", type: "tile", id: #""id": "\#(id)","#))[0]
        #expect(tile.isTile && tile.id == UUID(uuidString: id))
        #expect(try !Self.read(Self.feature("null", id: #""id": "PathAnnotationObject","#))[0].isTile)
    }

    @Test func `a MultiPolygon is several regions, each with its holes`() throws {
        let feature = """
            {"type": "Feature", "properties": {}, "geometry": {"type": "MultiPolygon", "coordinates": [
              [\(Self.outline), [[32, 32], [64, 32], [64, 64], [32, 64], [32, 32]]],
              [[[200, 0], [300.5, 0, 0], [300, 100.25], [200, 0]]]]}}
            """
        guard case .area(let regions) = try Self.read(feature)[0].shape else {
            Issue.record("a MultiPolygon is an area")
            return
        }
        #expect(regions.count == 2)
        #expect(!regions[0].touches(GridRectangle(centerOfPatchAtX: 0, y: 0, side: 96)))
    }

    @Test func `points and measuring lines are left out and counted, whatever their class`() throws {
        let marks = [
            #"{"type": "Point", "coordinates": [1, 2]}"#, #"{"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}"#,
            #"{"type": "LineString", "coordinates": [[1, 2], [3, 4.5]]}"#,
            #"{"type": "LineString", "coordinates": [[1, 2], [3, 4, 0], [5, 6]]}"#,
            #"{"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}"#,
        ].map { #"{"type": "Feature", "geometry": \#($0), "properties": {"classification": {"name": "Ki67"}}}"# }
        let features = marks + [Self.feature(#"{"name": "Tumor"}"#)]
        let file = try QuPathFile(Data("[\(features.joined(separator: ","))]".utf8))
        let regions = try LabelledRegions(file, names: LabelNames())
        #expect(regions.marks == [.point: 1, .multiPoint: 1, .lineString: 2, .multiLineString: 1])
        let patch = LabelledRegions.Patch(job: UUID(), x: 0, y: 0, side: 96)
        #expect(regions.verdict(on: patch) == .label(.tumor))
    }

    @Test func `what is no region is refused by the number of its feature`() {
        let geometries = [
            #"{"type": "GeometryCollection", "geometries": []}"#: "feature 2: it is a GeometryCollection",
            #"{"type": "Point", "coordinates": [1]}"#: "feature 2: a position",
            #"{"type": "MultiPoint", "coordinates": [1, 2]}"#: "feature 2 is no GeoJSON Feature",
            #"{"type": "LineString", "coordinates": [[1, 2]]}"#: "feature 2: a line has fewer than two positions",
            #"{"type": "MultiLineString", "coordinates": [[[1, 2], [1e12, 2]]]}"#: "feature 2: a position",
            #"{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}"#:
                "feature 2: a ring is not closed",
            #"{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}"#: "feature 2: a ring has 3 positions",
            #"{"type": "Polygon", "coordinates": [[[0, 0], [1], [1, 1], [0, 0]]]}"#: "feature 2: a position",
            #"{"type": "Polygon", "coordinates": [[[0, 0], [1e12, 0], [1, 1], [0, 0]]]}"#: "feature 2: a position",
            #"{"type": "Polygon", "coordinates": []}"#: "feature 2: a polygon has no ring",
            #"{"type": "Polygon", "coordinates": [["x"]]}"#: "feature 2 is no GeoJSON Feature",
            "null": "feature 2: it has no geometry",
        ]
        for (geometry, complaint) in geometries {
            let bad = #"{"type": "Feature", "geometry": \#(geometry), "properties": {}}"#
            #expect(Self.complaint("[\(Self.feature("null")), \(bad)]").hasPrefix(complaint), "\(geometry)")
        }
    }

    @Test func `what is no GeoJSON is refused`() {
        #expect(Self.complaint("{").hasPrefix("it is not JSON"))
        #expect(Self.complaint("7").hasPrefix("it is neither"))
        #expect(Self.complaint(#"{"type": "Polygon"}"#) == "it is a GeoJSON Polygon: a FeatureCollection is expected")
        #expect(Self.complaint(#"{"type": "FeatureCollection"}"#).hasPrefix("it is neither"))
    }
}
