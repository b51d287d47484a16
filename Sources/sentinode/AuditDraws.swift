import ArgumentParser
import Evaluation
import Foundation

struct AuditDraws: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draws",
        abstract: "Make every random draw for review again, with a disclosed key.",
        discussion: """
            Compares what was selected under the policies of this key, and with which probabilities, with what the \
            policies' rules and the key give. Names the first prediction that differs, and ends with 1 then.

            A login with the role sentinode_auditor is enough. Once a key is disclosed, set a policy with a new one.

            Example:
              sentinode audit draws --key-file disclosed.key
            """)

    @Option(help: "File with the key, as `sentinode review key` made it.")
    var keyFile: String

    func run() throws {
        try reportingFailures {
            let audit = try DrawAudit(databaseSettings("audit"), key: ReviewKey(contentsOfFile: keyFile))
            let progress = ProgressLine(total: try audit.count(), unit: "predictions")
            let findings = try audit.run { progress.show(done: $0) }
            progress.end()
            if findings.withoutSlide > 0 {
                print(
                    "\(findings.withoutSlide) erased predictions were selected for certain, as one of the highest scores of "
                        + "a slide that is erased: whether they had one can no longer be told")
            }
            let policies = findings.policies.map { "\($0)" }.joined(separator: ", ")
            guard let first = findings.first else {
                return print(
                    "\(findings.checked) predictions under policies \(policies): every draw is as the key gives it")
            }
            print(
                "\(findings.differing) of \(findings.checked) predictions under policies \(policies) differ; the first is "
                    + "\(first.job.text): \(first.what)")
            throw Exit.problemFound
        }
    }
}
