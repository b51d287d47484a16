import ArgumentParser
import Database
import Evaluation
import Foundation
import Glibc

struct Review: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a key for random draws, and set what is selected for review.",
        discussion: """
            Examples:
              sentinode review key --out review.key
              sentinode review policy set --rules rules.json --reason "first policy" --key-file review.key
              sentinode review policy show
            """,
        subcommands: [Key.self, Policy.self])

    struct Key: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new key for the random draws, and print its commitment.",
            discussion: """
                Workers need the key, in SENTINODE_REVIEW_KEY or the file that SENTINODE_REVIEW_KEY_FILE names. The \
                commitment stands in the policy. Whoever knows the key can foresee which patches are drawn.

                Without --out the key goes to the standard output and the commitment to the standard error.

                Example:
                  sentinode review key --out review.key
                """)

        @Option(help: "A new file that only you can read.")
        var out: String?

        func run() throws {
            try reportingFailures {
                let key = try ReviewKey.random()
                if let out {
                    try write(key.secretText + "\n", to: out)
                    print(key.commitmentText)
                } else {
                    print(key.secretText)
                    StandardError.write("commitment \(key.commitmentText)\n")
                }
            }
        }

        /// Never over a file that is there: with a lost key no draw could be made again.
        private func write(_ text: String, to path: String) throws {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw OperationError(
                    errno == EEXIST
                        ? "\(path) is there already, and no key is overwritten" : "\(path) cannot be written")
            }
            let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
        }
    }

    struct Policy: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set what is selected for review.", subcommands: [Show.self, Set.self])

        struct Show: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Show the policy in force, and those to come.",
                discussion: """
                    Example:
                      sentinode review policy show
                    """)

            func run() throws {
                try reportingFailures {
                    let policies = try ReviewPolicies(databaseSettings("review")).current()
                    if policies.first?.isInForce != true {
                        print("no policy is in force: only uncertain predictions are selected for review")
                    }
                    for policy in policies { show(policy) }
                }
            }

            private func show(_ policy: ReviewPolicies.Summary) {
                print(
                    """
                    policy \(policy.generation), \(policy.isInForce ? "in force since" : "in force from") \
                    \(policy.validFrom), set by \(policy.setBy): \(policy.reason)
                    key    \(policy.keyCommitment.map { "commitment \($0)" } ?? "none, nothing is drawn")
                    lease  \(policy.leaseMinutes) minutes

                    """)
                printTable(ReviewPolicies.ruleHeadings, policy.rules)
            }
        }

        struct Set: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Set what is selected for review from now on.",
                discussion: """
                    The rules are a JSON array. For each reason (uncertain, positive, audit) the first rule counts whose \
                    site and score band fit a patch:

                      [{"reason": "uncertain"},
                       {"reason": "positive", "top_per_slide": 20, "rate": 0.05},
                       {"reason": "audit", "rate": 0.02, "blind": true, "second_read_rate": 0.2}]

                    Other fields: site, score_low, score_high, priority, due_hours (72), keep_image_days (365). Workers \
                    follow from the next batch on, or from --valid-from on. Those without the key stop, so give it to \
                    them first. Of the policies whose time has come, the one that was set last is in force.

                    Examples:
                      sentinode review policy set --rules rules.json --reason "first policy" --key-file review.key
                      sentinode review policy set --rules rules.json --reason "new scanner" --key-file review.key \\
                          --valid-from 2027-01-01T00:00:00+01:00 --lease-minutes 60
                    """)

            @Option(help: "File with the rules, or - for the standard input.") var rules: String
            @Option(help: "Why; it stays in the audit trail.") var reason: Reason
            @Option(help: "File with the key that workers draw with.") var keyFile: String?
            @Option(help: "The key's commitment, where the key itself is not at hand.") var keyCommitment: String?
            @Option(help: "In force from this time on, RFC 3339 with its zone; at once by default.")
            var validFrom: Moment?
            @Option(help: "How long a claimed patch is kept for whoever claimed it, 1 to 10080.")
            var leaseMinutes: Int32 = 30

            func validate() throws {
                if keyFile != nil, keyCommitment != nil {
                    throw ValidationError("--key-file and --key-commitment say the same: give one")
                }
                if let validFrom, validFrom.time < .now {
                    throw ValidationError("--valid-from has passed: a policy is never in force before it is set")
                }
                guard (1...10_080).contains(leaseMinutes) else {
                    throw ValidationError("--lease-minutes is 1 to 10080, which is a week")
                }
            }

            func run() throws {
                try reportingFailures {
                    let commitment = try keyFile.map { try ReviewKey(contentsOfFile: $0).commitmentText }
                    let outcome = try ReviewPolicies(databaseSettings("review")).set(
                        rules: try rulesText(), reason: reason.text, keyCommitment: commitment ?? keyCommitment,
                        validFrom: validFrom?.time, leaseMinutes: leaseMinutes)
                    for warning in outcome.warnings { complain("warning: \(warning)") }
                    print("policy \(outcome.generation) is in force" + (validFrom.map { " from \($0.time) on" } ?? ""))
                }
            }

            private func rulesText() throws -> String {
                let text: String?
                do {
                    let file = rules == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(filePath: rules))
                    text = String(validating: try file.readToEnd() ?? Data(), as: UTF8.self)
                } catch {
                    throw OperationError("the rules in \(rules) cannot be read")
                }
                guard let text else { throw OperationError("the rules in \(rules) are not UTF-8 text") }
                return text
            }
        }
    }
}
