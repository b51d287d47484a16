public import Database

/// A person to whom a login belongs, as lists show it.
public struct ReaderSummary: Sendable {
    public let login: String
    public let fullName: String
    public let qualification: String
    /// None for a person who does not review.
    public let sites: [String]
    public let isAlwaysBlind: Bool
    public let adjudicates: Bool
    public let activeFrom: Timestamp
    public let activeTo: Timestamp?

    /// Whether the person may review at a time.
    public func isActive(at time: Timestamp) -> Bool {
        activeFrom <= time && activeTo.map { time < $0 } ?? true
    }
}

/// What an administrator says of a reader.
public struct NewReader: Sendable {
    public let login: String
    public let fullName: String
    public let qualification: String
    /// Names of sites; `*` is every one.
    public let sites: [String]
    public var isAlwaysBlind = false
    public var adjudicates = false
    /// Why the person reviews, or why something was changed; it stays in the audit trail.
    public var reason: String?

    public init(login: String, fullName: String, qualification: String, sites: [String]) {
        self.login = login
        self.fullName = fullName
        self.qualification = qualification
        self.sites = sites
    }
}

extension NewReader {
    /// What becomes otherwise than it was said before, a sentence each.
    public func changes(from before: ReaderSummary) -> [String] {
        func told(_ sites: [String]) -> String { sites.sorted().joined(separator: " ") }
        let changes: [(what: String, before: String, now: String)] = [
            ("name", before.fullName, fullName), ("qualification", before.qualification, qualification),
            ("sites", told(before.sites), told(sites)),
            ("always blind", before.isAlwaysBlind ? "yes" : "no", isAlwaysBlind ? "yes" : "no"),
            ("adjudicates", before.adjudicates ? "yes" : "no", adjudicates ? "yes" : "no"),
        ]
        return changes.filter { $0.before != $0.now }.map { "\($0.what), was \($0.before), is \($0.now)" }
    }
}

/// Says which person a database login belongs to, as the login of its own connection.
public final class ReaderRegistry {
    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings) throws {
        connection = try DatabaseConnection(settings)
    }

    /// Adds a reader, or replaces what was said of the login before.
    public func add(_ reader: NewReader) throws {
        try connection.query(
            "select review.add_reader($1, $2, $3, $4, always_blind => $5, adjudicates => $6, reason => $7)",
            [
                .text(reader.login), .text(reader.fullName), .text(reader.qualification), .textArray(reader.sites),
                .bool(reader.isAlwaysBlind), .bool(reader.adjudicates), .text(reader.reason),
            ])
    }

    /// Says to whom a login belongs that does not review, so that the events of what it does carry the name.
    public func name(_ login: String, fullName: String, qualification: String, reason: String?) throws {
        try connection.query(
            "select review.name_person($1, $2, $3, $4)",
            [.text(login), .text(fullName), .text(qualification), .text(reason)])
    }

    /// From now on the login may not review; what it labelled stays.
    public func end(_ login: String, reason: String) throws {
        try connection.query("select review.end_reader($1, $2)", [.text(login), .text(reason)])
    }

    /// A reader as known now; nil where the login never was one.
    public func reader(_ login: String) throws -> ReaderSummary? { try readers().first { $0.login == login } }

    /// Those of the sites that no prediction names.
    public func unknownSites(_ sites: [String]) throws -> [String] {
        try connection.query(
            """
            select named.site from unnest($1::text[]) as named (site)
            where named.site <> '*'
                and not exists (select from sentinode.predictions as prediction where prediction.site = named.site)
            """, [.textArray(sites)]
        ).map { try $0.text("site") }
    }

    /// Every reader and every other named person as known now, in the order of their logins.
    public func readers() throws -> [ReaderSummary] {
        try connection.query(
            """
            select distinct on (login) login, full_name, qualification,
                array(select jsonb_array_elements_text(sites)) as sites, always_blind, adjudicates, active_from, active_to
            from review.readers order by login, version desc
            """
        ).map(ReaderSummary.init)
    }
}

extension ReaderSummary {
    fileprivate init(_ row: Row) throws {
        login = try row.text("login")
        fullName = try row.text("full_name")
        qualification = try row.text("qualification")
        sites = try row.textArray("sites").compactMap { $0 }
        isAlwaysBlind = try row.bool("always_blind")
        adjudicates = try row.bool("adjudicates")
        activeFrom = try row.timestamp("active_from")
        activeTo = try row.optionalTimestamp("active_to")
    }
}
