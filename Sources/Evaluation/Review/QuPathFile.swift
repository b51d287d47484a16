import Foundation

/// What QuPath writes as GeoJSON: a FeatureCollection, a list of Features, or one. Only what labels need is read.
///
/// Keys as QuPath 0.2 to 0.6 writes them, in `PathObjectTypeAdapter` and `PathClassTypeAdapter`.
struct QuPathFile: Decodable {
    let features: [QuPathFeature]

    /// - Throws: `OperationError` naming the feature that is none.
    init(_ bytes: Data) throws {
        do {
            self = try JSONDecoder().decode(QuPathFile.self, from: bytes)
        } catch let error as OperationError {
            throw error
        } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
            throw OperationError("it is not JSON: \(QuPathFile.reason(context))")
        } catch {
            throw OperationError("it is neither a GeoJSON FeatureCollection nor a list of Features")
        }
    }

    private enum Key: CodingKey { case type, features }

    init(from decoder: any Decoder) throws {
        let object: KeyedDecodingContainer<Key>
        do {
            object = try decoder.container(keyedBy: Key.self)
        } catch DecodingError.typeMismatch {
            features = try QuPathFile.read(decoder.unkeyedContainer())
            return
        }
        switch try object.decode(String.self, forKey: .type) {
        case "FeatureCollection": features = try QuPathFile.read(object.nestedUnkeyedContainer(forKey: .features))
        case "Feature": features = [try QuPathFeature(from: decoder)]
        case let type: throw OperationError("it is a GeoJSON \(type): a FeatureCollection is expected")
        }
    }

    private static func read(_ list: any UnkeyedDecodingContainer) throws -> [QuPathFeature] {
        var list = list
        var features: [QuPathFeature] = []
        while !list.isAtEnd {
            do {
                features.append(try list.decode(QuPathFeature.self))
            } catch let error as OperationError {
                throw OperationError("feature \(features.count + 1): \(error.description)")
            } catch {
                throw OperationError("feature \(features.count + 1) is no GeoJSON Feature as QuPath writes it")
            }
        }
        return features
    }

    private static func reason(_ context: DecodingError.Context) -> String {
        (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"] as? String ?? context.debugDescription
    }
}

/// What QuPath draws that is no area, by its name in GeoJSON: points, and lines to measure along.
public enum QuPathMark: String, Sendable, CaseIterable {
    case point = "Point"
    case multiPoint = "MultiPoint"
    case lineString = "LineString"
    case multiLineString = "MultiLineString"
}

/// One object of QuPath: its outline, its class, and whether it is a tile.
struct QuPathFeature: Decodable {
    /// QuPath's id of the object; that of an exported tile is the job's.
    let id: UUID?
    let isTile: Bool
    /// Nil where the object has no class. Parts of a derived class are joined as QuPath shows them, `Tumor: Positive`.
    let className: String?
    let shape: QuPathShape

    private enum Key: CodingKey { case type, id, geometry, properties }
    private enum Property: CodingKey { case objectType, classification }

    init(from decoder: any Decoder) throws {
        let feature = try decoder.container(keyedBy: Key.self)
        guard try feature.decode(String.self, forKey: .type) == "Feature" else {
            throw OperationError("it is no Feature")
        }
        id = try feature.decodeIfPresent(String.self, forKey: .id).flatMap { UUID(uuidString: $0) }
        guard let shape = try feature.decodeIfPresent(QuPathShape.self, forKey: .geometry) else {
            throw OperationError("it has no geometry")
        }
        self.shape = shape
        guard feature.contains(.properties), try !feature.decodeNil(forKey: .properties) else {
            (isTile, className) = (false, nil)
            return
        }
        let properties = try feature.nestedContainer(keyedBy: Property.self, forKey: .properties)
        isTile = try properties.decodeIfPresent(String.self, forKey: .objectType) == "tile"
        className = try properties.decodeIfPresent(QuPathClass.self, forKey: .classification)?.name
    }
}

/// A classification: an object with `name`, or `names` of a derived class, or just the name.
private struct QuPathClass: Decodable {
    let name: String?

    private enum Key: CodingKey { case name, names }

    init(from decoder: any Decoder) throws {
        let object: KeyedDecodingContainer<Key>
        do {
            object = try decoder.container(keyedBy: Key.self)
        } catch DecodingError.typeMismatch {
            name = try decoder.singleValueContainer().decode(String.self)
            return
        }
        name =
            try object.decodeIfPresent(String.self, forKey: .name)
            ?? object.decodeIfPresent([String].self, forKey: .names)?.joined(separator: ": ")
    }
}

/// A geometry (RFC 7946, section 3.1), in full-resolution pixels.
enum QuPathShape {
    /// A Polygon; several for a MultiPolygon.
    case area([Region])
    case mark(QuPathMark)
}

extension QuPathShape: Decodable {
    private enum Key: CodingKey { case type, coordinates }
    private typealias Line = [[Double]]

    /// Marks are read to their ends too: what is malformed is never taken for a mark.
    init(from decoder: any Decoder) throws {
        let geometry = try decoder.container(keyedBy: Key.self)
        let type = try geometry.decode(String.self, forKey: .type)
        if let mark = QuPathMark(rawValue: type) {
            try QuPathShape.check(mark, geometry)
            self = .mark(mark)
            return
        }
        let polygons: [[Line]]
        switch type {
        case "Polygon": polygons = [try geometry.decode([Line].self, forKey: .coordinates)]
        case "MultiPolygon": polygons = try geometry.decode([[Line]].self, forKey: .coordinates)
        default: throw OperationError("it is a \(type): only a Polygon or a MultiPolygon is a region")
        }
        self = .area(try polygons.map(QuPathShape.region))
    }

    private static func check(_ mark: QuPathMark, _ geometry: KeyedDecodingContainer<Key>) throws {
        let lines: [Line] =
            switch mark {
            case .point: [[try geometry.decode([Double].self, forKey: .coordinates)]]
            case .multiPoint: [try geometry.decode(Line.self, forKey: .coordinates)]
            case .lineString: [try geometry.decode(Line.self, forKey: .coordinates)]
            case .multiLineString: try geometry.decode([Line].self, forKey: .coordinates)
            }
        for position in lines.joined() { _ = try point(position) }
        guard mark == .point || mark == .multiPoint || lines.allSatisfy({ $0.count > 1 }) else {
            throw OperationError("a line has fewer than two positions")
        }
    }

    private static func region(_ rings: [Line]) throws -> Region {
        let points = try rings.map { try $0.map(point) }
        do throws(RegionFault) {
            return try Region(rings: points)
        } catch {
            throw OperationError(error.sentence)
        }
    }

    private static func point(_ position: [Double]) throws(OperationError) -> GridPoint {
        // RFC 7946 allows a height behind the two; a slide has none.
        guard (2...3).contains(position.count), let point = GridPoint(pixelsX: position[0], pixelsY: position[1]) else {
            throw OperationError("a position is not two coordinates on the slide, in full-resolution pixels")
        }
        return point
    }
}
