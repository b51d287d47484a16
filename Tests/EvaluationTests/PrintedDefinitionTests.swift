import Testing

@testable import Evaluation

@Suite struct `Printed definitions` {
    @Test(arguments: [
        ("CHECK (((a >= 0) AND (a <= 9)) AND (b > 0))", "CHECK ((a >= 0) AND (a <= 9) AND (b > 0))"),
        ("((x) OR ((y) OR (z)))", "((x) OR (y) OR (z))"),
        ("SELECT 'all'::text,\n   count(*)  FROM t", "SELECT 'all'::text AS text, count(*) AS count FROM t"),
        ("CASE WHEN (a) THEN 1 END", "CASE WHEN (a) THEN 1 END AS \"case\""),
    ])
    func `are the same whether or not they came through a dump`(printed: String, restored: String) {
        #expect(PrintedDefinition(printed).canonical == PrintedDefinition(restored).canonical)
    }

    @Test(arguments: [
        ("((a) AND ((b) OR (c)))", "(((a) AND (b)) OR (c))"),
        ("((a) AND (NOT ((b) AND (c))))", "((a) AND (NOT (b)) AND (c))"),
        ("(a = 'x  y')", "(a = 'x y')"), ("(a = '(b) AND (c)')", "(a = '((b) AND c)')"),
        ("SELECT a AS x, b AS y", "SELECT a AS y, b AS x"), ("(a, b)", "(a b)"), ("f(a)", "f(a, b)"),
        ("SELECT count(*) AS n", "SELECT count(*) AS m"), ("((a) AND (b))", "((a) OR (b))"),
        ("((a - b) - c)", "(a - (b - c))"),
    ])
    func `that mean something else stay different`(left: String, right: String) {
        #expect(PrintedDefinition(left).canonical != PrintedDefinition(right).canonical)
    }
}
