import AuditTrail
import Database

/// What the catalogue says of the product: the digest of every object's definition, under its kind and name.
struct Catalogue {
    struct Object: Hashable, Comparable {
        let kind: String
        /// Without line feeds, which end a line of the record.
        let identity: String

        init(kind: String, identity: String) {
            (self.kind, self.identity) = (kind, identity.replacingScalars { $0 == "\n" ? "\\n" : nil })
        }

        static func < (left: Object, right: Object) -> Bool {
            (left.kind, left.identity) < (right.kind, right.identity)
        }

        /// Whether PostgreSQL printed the definition, in words that may differ in another version.
        var isPrinted: Bool {
            [
                "partition bound", "column default", "constraint text", "index text", "trigger text", "rule text",
                "policy text", "function text",
            ].contains(kind)
        }

        var part: Part {
            isOfTheServer || kind.hasPrefix("system ") || kind == Catalogue.extensions ? .server : .product
        }

        /// Whether it may differ between versions of the server, down to the last number.
        var isOfTheServer: Bool { kind == Catalogue.builtInFunctions }
        /// Whether less of it weakens nothing: somebody who may no longer act as the owner.
        var mayGo: Bool { ["member of sentinode_owner", "unrestricted member"].contains(kind) }
    }

    static let builtInFunctions = "built-in functions"
    static let extensions = "extension within pg_catalog"

    /// 16 hexadecimal digits each.
    private(set) var digests: [Object: String] = [:]
    /// What stands out in a definition, in words.
    private(set) var remarks: [Object: String] = [:]

    /// Which objects are read together.
    enum Part: CaseIterable {
        /// What belongs to PostgreSQL. It is read first: what was added to it may break or deceive every other query.
        case server
        case product
    }

    /// As it stands, read in the transaction of the caller's.
    init(_ connection: DatabaseConnection) throws {
        for part in Part.allCases {
            let read = try Catalogue(part, connection)
            digests.merge(read.digests) { $1 }
            remarks.merge(read.remarks) { $1 }
        }
    }

    /// A part of it, as it stands.
    init(_ part: Part, _ connection: DatabaseConnection) throws {
        switch part {
        case .server:
            try digest(
                SystemCatalogue(connection).definitions.reduce(into: [:]) {
                    $0[$1.object, default: []].append($1.definition)
                })
        case .product: try readProduct(connection)
        }
    }

    private mutating func readProduct(_ connection: DatabaseConnection) throws {
        _ = try connection.query(
            "select set_config('search_path', 'pg_catalog', true), set_config('quote_all_identifiers', 'off', true)")
        var definitions: [Object: [String]] = [:]
        for row in try connection.query(CatalogueQuery.sql) {
            let object = Object(kind: try row.text("kind"), identity: try row.text("identity"))
            // No text of the database's can hold the character that stands for NULL.
            let definition = try row.textArray("definition").map { $0 ?? "\u{0}" }.joined(separator: "|")
            definitions[object, default: []].append(
                object.isPrinted ? PrintedDefinition(definition).canonical : definition)
            if let remark = try row.optionalText("remark"), !remark.isEmpty { remarks[object] = remark }
        }
        try digest(definitions)
    }

    private mutating func digest(_ definitions: [Object: [String]]) throws {
        // Names are unique but for functions that differ in nothing a person would call them by.
        let hash = try Hash()
        for (object, texts) in definitions {
            let whole = texts.sorted().joined(separator: "\u{0}")
            digests[object] = hexadecimal(try hash.digest(of: Array(whole.utf8)).prefix(8))
        }
    }

    /// Reads what `text` wrote.
    init(recorded text: String) throws {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 2)
            guard parts.count == 3 else {
                throw OperationError("the recorded catalogue has a line that is none of its own")
            }
            digests[Object(kind: String(parts[1]), identity: String(parts[2]))] = String(parts[0])
        }
    }

    /// What belongs to one part.
    func only(_ part: Part) -> Catalogue {
        var catalogue = self
        catalogue.digests = digests.filter { $0.key.part == part }
        return catalogue
    }

    /// One line an object, sorted: digest, kind and name, separated by tabs.
    var text: String {
        digests.keys.sorted().map { "\(digests[$0] ?? "")\t\($0.kind)\t\($0.identity)\n" }.joined()
    }

    /// What differs from the one that was recorded, sorted by kind and name.
    func differences(from recorded: Catalogue, includingPrinted: Bool) -> [AnchorFinding] {
        Set(digests.keys).union(recorded.digests.keys).sorted().compactMap { object in
            guard includingPrinted || !object.isPrinted else { return nil }
            let name = "\(object.kind) \(object.identity)"
            let remark = remarks[object].map { ": it \($0)" } ?? ""
            switch (recorded.digests[object], digests[object]) {
            case (nil, nil): return nil
            case (nil, .some) where object.isOfTheServer, (.some, nil) where object.isOfTheServer || object.mayGo:
                return nil
            case (nil, .some): return AnchorFinding(.objectNew, "\(name) is new since the schema was recorded\(remark)")
            case (.some, nil): return AnchorFinding(.objectMissing, "\(name) is gone since the schema was recorded")
            case (let then?, let now?):
                if then == now { return nil }
                return AnchorFinding(.objectChanged, "\(name) has changed since the schema was recorded\(remark)")
            }
        }
    }
}
