/// The text of a statement: literals of this program, joined or not, and never a value that came from outside.
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
