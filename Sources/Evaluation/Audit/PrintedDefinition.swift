/// A definition as PostgreSQL prints it, brought into a form that a dump and its restore do not change.
///
/// A restored expression is parsed anew from what was printed. That joins `((a AND b) AND c)` into one list, gives
/// columns without a name the one that they would get anyway, and changes nothing else. Words in quotes stay as they are.
struct PrintedDefinition {
    private indirect enum Node: Equatable {
        case word(String)
        case group([Node])
    }

    let canonical: String

    init(_ text: String) {
        var words = PrintedDefinition.words(text)[...]
        var nodes: [Node] = []
        // A closing parenthesis without an opening one ends a group too early: what follows is read all the same.
        while !words.isEmpty { nodes += PrintedDefinition.nodes(&words) }
        canonical = PrintedDefinition.text(PrintedDefinition.simplified(nodes))
    }

    /// Words, and each parenthesis and comma alone; what stands in quotes is not looked into.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        func end() {
            if !word.isEmpty { words.append(word) }
            word = ""
        }
        for character in text {
            if let open = quote {
                word.append(character)
                if character == open { quote = nil }
            } else if character.isWhitespace {
                end()
            } else if "(),".contains(character) {
                end()
                words.append(String(character))
            } else {
                word.append(character)
                if character == "'" || character == "\"" { quote = character }
            }
        }
        end()
        return words
    }

    private static func nodes(_ words: inout ArraySlice<String>) -> [Node] {
        var nodes: [Node] = []
        while let word = words.popFirst(), word != ")" {
            nodes.append(word == "(" ? .group(PrintedDefinition.nodes(&words)) : .word(word))
        }
        return nodes
    }

    private static func simplified(_ nodes: [Node]) -> [Node] {
        let inner = nodes.map { node in
            if case .group(let content) = node { Node.group(simplified(content)) } else { node }
        }
        return withoutImpliedNames(joined(inner))
    }

    /// Where the nodes are operands of AND alone, or of OR alone, takes in operands that are such a list themselves.
    private static func joined(_ nodes: [Node]) -> [Node] {
        guard let link = link(of: nodes) else { return nodes }
        let operands = nodes.split(separator: .word(link), omittingEmptySubsequences: false)
        let flat = operands.map { operand -> [Node] in
            guard operand.count == 1, case .group(let content)? = operand.first, self.link(of: content) == link else {
                return Array(operand)
            }
            return content
        }
        return Array(flat.joined(separator: [.word(link)]))
    }

    /// AND or OR where nothing else holds the nodes together.
    private static func link(of nodes: [Node]) -> String? {
        let others = ["CASE", "WHEN", "SELECT", "WHERE", "BETWEEN", "NOT", ","]
        guard !nodes.contains(where: { node in others.contains { node == .word($0) } }) else { return nil }
        switch (nodes.contains(.word("AND")), nodes.contains(.word("OR"))) {
        case (true, false): return "AND"
        case (false, true): return "OR"
        case (true, true), (false, false): return nil
        }
    }

    /// Leaves out names of columns that are those which the column would have without one.
    private static func withoutImpliedNames(_ nodes: [Node]) -> [Node] {
        var kept: [Node] = []
        var index = 0
        while index < nodes.count {
            if nodes[index] == .word("AS"), index + 1 < nodes.count, case .word(let name) = nodes[index + 1],
                isImplied(name, by: kept)
            {
                index += 2
            } else {
                kept.append(nodes[index])
                index += 1
            }
        }
        return kept
    }

    private static func isImplied(_ name: String, by before: [Node]) -> Bool {
        switch before.last {
        case .word("END"): return name == "\"case\""
        case .word(let word): return word.hasSuffix("::" + name)
        case .group:
            guard before.count > 1, case .word(let function) = before[before.count - 2] else { return false }
            return function == name || function.hasSuffix("." + name)
        case nil: return false
        }
    }

    private static func text(_ nodes: [Node]) -> String {
        nodes.map { node in
            switch node {
            case .word(let word): word
            case .group(let content): "(" + text(content) + ")"
            }
        }.joined(separator: " ")
    }
}
