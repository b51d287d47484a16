public import FoundationEssentials

/// The text of a statement: literals of this program, joined or not, and never a text that came from outside.
///
/// Values travel as `Parameter`s; a `String` cannot become `SQL`.
public struct SQL: ExpressibleByStringLiteral, Hashable, Sendable {
    let text: String

    public init(stringLiteral literal: StaticString) {
        text = literal.description
    }

    private init(text: String) {
        self.text = text
    }

    /// The placeholder of a statement's parameter, from 1.
    public static func parameter(_ number: Int) -> SQL {
        SQL(text: "$\(number)")
    }

    /// A name that the catalogue gave, quoted: whatever it contains, it is read as one name.
    public static func identifier(_ name: String) -> SQL {
        SQL(text: "\"" + doubling("\"", in: name) + "\"")
    }

    /// A name that the catalogue gave, as a text: whatever it contains, it is read as one text.
    public static func quoted(_ name: String) -> SQL {
        SQL(text: "E'" + doubling("'", "\\", in: name) + "'")
    }

    /// Scalar by scalar, as PostgreSQL reads: a quote with a combining character behind it is one Character, and ends a
    /// text there all the same.
    private static func doubling(_ marks: Unicode.Scalar..., in name: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            if marks.contains(scalar) { text.append(scalar) }
            text.append(scalar)
        }
        return String(text)
    }

    /// A number within the text, for COPY, which takes no parameters.
    public static func literal(_ number: Int64) -> SQL {
        SQL(text: number == .min ? "(-9223372036854775807 - 1)::bigint" : "(\(number))::bigint")
    }

    /// A UUID within the text, for COPY, which takes no parameters.
    public static func literal(_ uuid: UUID) -> SQL {
        SQL(text: "'\(uuid.uuidString)'::uuid")
    }

    /// An array within the text, for COPY, which takes no parameters.
    public static func literal(_ numbers: [Int64]) -> SQL {
        SQL(text: "'{" + numbers.map { String($0) }.joined(separator: ",") + "}'::bigint[]")
    }

    /// An array within the text, for COPY, which takes no parameters.
    public static func literal(_ uuids: [UUID]) -> SQL {
        SQL(text: "'{" + uuids.map(\.uuidString).joined(separator: ",") + "}'::uuid[]")
    }

    /// All of them with the separator in between.
    public static func joined(_ parts: [SQL], separator: SQL) -> SQL {
        SQL(text: parts.map(\.text).joined(separator: separator.text))
    }

    public static func + (left: SQL, right: SQL) -> SQL {
        SQL(text: left.text + right.text)
    }

    /// The beginning of the text, as errors name the statement. Made for every statement that runs, so it must not read
    /// all of a long one.
    var summary: String {
        let beginning = String(decoding: text.utf8.prefix(160), as: UTF8.self)
        let words = beginning.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
        return words.count <= 60 ? words : words.prefix(59) + "…"
    }
}
