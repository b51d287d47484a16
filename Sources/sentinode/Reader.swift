import ArgumentParser
import Database
import Evaluation
import Foundation

struct Reader: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say which person a database login belongs to, and what that person reviews.",
        discussion: """
            Readers review in SQL, each with a database login of their own: see docs/for-pathologists.md. The name and \
            the qualification are printed on every label.

            Examples:
              sentinode reader add anna --name "Dr. Anna Weber" --qualification "consultant pathologist" --site north
              sentinode reader name olga --name "Olga Berg" --qualification "laboratory manager"
              sentinode reader list
              sentinode reader end anna --reason "left the department"
            """,
        subcommands: [Add.self, Name.self, List.self, End.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a person review, or change what was said of the person before.",
            discussion: """
                The login must exist (CREATE ROLE anna LOGIN PASSWORD '...') and must not be a member of a role that \
                sees every score. It is granted sentinode_reviewer.

                Examples:
                  sentinode reader add anna --name "Dr. Anna Weber" --qualification "consultant pathologist" \\
                      --site north --site south
                  sentinode reader add ben --name "Dr. Ben Okoro" --qualification "resident" --site '*' --blind \\
                      --reason "study of May"
                """)

        @Argument(help: "Database login.") var login: String
        @Option(help: "Full name, as it is printed on labels.") var name: String
        @Option(help: "Such as \"consultant pathologist\".") var qualification: String
        @Option(help: "Laboratory whose patches the person sees and labels; again for more. '*' is every one.")
        var site: [String]
        @Flag(help: "Hide the model's answer before every reading, not only where the policy says so.")
        var blind = false
        @Flag(help: "May decide where two readers disagree.")
        var adjudicates = false
        @Option(help: "Why; it stays in the audit trail.") var reason: Reason?

        func validate() throws {
            guard sites.allSatisfy({ !$0.isEmpty }) else {
                throw ValidationError("--site is empty: name the laboratory, or '*' for every one")
            }
        }

        private var sites: [String] { site.map { $0.trimmingCharacters(in: .whitespaces) } }

        func run() throws {
            try reportingFailures {
                var reader = NewReader(login: login, fullName: name, qualification: qualification, sites: sites)
                (reader.isAlwaysBlind, reader.adjudicates) = (blind, adjudicates)
                reader.reason = reason?.text
                let registry = try ReaderRegistry(databaseSettings("reader"))
                let before = try registry.reader(login)
                try registry.add(reader)
                print("\(login) may review; \(name) reads docs/for-pathologists.md next")
                if let before { for change in reader.changes(from: before) { print("changed: \(change)") } }
                for site in try registry.unknownSites(sites) {
                    complain("no prediction is stored of site \(site) yet: is the name as messages have it?")
                }
            }
        }
    }

    struct Name: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say to whom a login belongs that does not review.",
            discussion: """
                Administrators and auditors are no readers, since their roles see every score. The name stands in the \
                audit trail beside what the login does from then on.

                Example:
                  sentinode reader name olga --name "Olga Berg" --qualification "laboratory manager"
                """)

        @Argument(help: "Database login.") var login: String
        @Option(help: "Full name, as it is printed on what the login does.") var name: String
        @Option(help: "Such as \"laboratory manager\".") var qualification: String
        @Option(help: "Why; it stays in the audit trail.") var reason: Reason?

        func run() throws {
            try reportingFailures {
                let registry = try ReaderRegistry(databaseSettings("reader"))
                try registry.name(login, fullName: name, qualification: qualification, reason: reason?.text)
                print("what \(login) does carries the name \(name) from now on")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List readers, those who have ended too, and others whose names are known.",
            discussion: """
                Example:
                  sentinode reader list
                """)

        func run() throws {
            try reportingFailures {
                let readers = try ReaderRegistry(databaseSettings("reader")).readers()
                if readers.isEmpty { return print("there are no readers: sentinode reader add --help") }
                let now = Timestamp.now
                printTable(
                    ["login", "name", "qualification", "sites", "reads", "state"],
                    readers.map {
                        [
                            $0.login, $0.fullName, $0.qualification, $0.sites.joined(separator: " "),
                            List.readings($0), List.state($0, now),
                        ]
                    })
            }
        }

        private static func readings(_ reader: ReaderSummary) -> String {
            let traits = [reader.isAlwaysBlind ? "always blind" : nil, reader.adjudicates ? "adjudicates" : nil]
            return traits.compactMap { $0 }.joined(separator: ", ")
        }

        private static func state(_ reader: ReaderSummary, _ now: Timestamp) -> String {
            if reader.sites.isEmpty { return "does not review" }
            if reader.isActive(at: now) { return "active since \(reader.activeFrom)" }
            if let end = reader.activeTo, end <= now { return "ended \(end)" }
            return "from \(reader.activeFrom)"
        }
    }

    struct End: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "From now on the login may not review; what it labelled stays.",
            discussion: """
                Example:
                  sentinode reader end anna --reason "left the department"
                """)

        @Argument(help: "Database login.") var login: String
        @Option(help: "Why; it stays in the audit trail.") var reason: Reason

        func run() throws {
            try reportingFailures {
                try ReaderRegistry(databaseSettings("reader")).end(login, reason: reason.text)
                print("\(login) may not review any more")
            }
        }
    }
}
