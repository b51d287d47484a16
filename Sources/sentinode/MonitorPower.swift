import ArgumentParser
import Evaluation
import Foundation

extension Monitor {
    struct Power: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say how many audited labels a week it takes to see a fall of the sensitivity in time.",
            discussion: """
                So a sampling rate can be chosen. Labels are of the random audit sample, tumours and normals together; \
                the sensitivity (recall) it is compared with is taken as known.

                Patches of one slide are alike: --labels-per-slide tumour labels of a slide, which agree with a \
                correlation of --correlation, are worth fewer than as many of different slides (Kish 1965).

                Examples:
                  sentinode monitor power --sensitivity 0.95 --drop 0.05 --tumor-share 0.1
                  sentinode monitor power --sensitivity 0.9 --drop 0.1 --tumor-share 0.05 --weeks 2 --labels-per-slide 3
                """)

        @Option(help: "Sensitivity while nothing has changed.") var sensitivity: Double
        @Option(help: "Fall to be seen.") var drop: Double
        @Option(help: "Share of tumours among audited patches.") var tumorShare: Double
        @Option(help: "Weeks within which it is to be seen.") var weeks = 4.0
        @Option(help: "Probability of seeing it.") var power = 0.8
        @Option(help: "Probability of a false alarm in that time, one-sided.") var significance = 0.05
        @Option(help: "Tumour labels that one slide gives.") var labelsPerSlide = 1.0
        @Option(help: "How alike patches of a slide are, 0 to 1.") var correlation = 0.2

        func validate() throws {
            guard sensitivity > 0, sensitivity < 1 else { throw ValidationError("--sensitivity is between 0 and 1") }
            guard drop > 0, drop < sensitivity else {
                throw ValidationError("--drop is above 0 and below the sensitivity")
            }
            guard tumorShare > 0, tumorShare <= 1 else { throw ValidationError("--tumor-share is above 0, 1 at most") }
            guard weeks > 0 else { throw ValidationError("--weeks is above 0") }
            guard power > 0, power < 1, significance > 0, significance < 1, power > significance else {
                throw ValidationError("--power and --significance are between 0 and 1, and the power is the larger")
            }
            guard labelsPerSlide >= 1, correlation >= 0, correlation <= 1 else {
                throw ValidationError("--labels-per-slide is 1 at least, and --correlation between 0 and 1")
            }
        }

        func run() throws {
            try reportingFailures {
                let plan = AuditSize(
                    sensitivity: sensitivity, drop: drop, tumorShare: tumorShare, weeks: weeks, power: power,
                    significance: significance, labelsPerSlide: labelsPerSlide, correlation: correlation)
                guard let labels = plan.labelsPerWeek else {
                    throw OperationError("no number of labels shows that fall with these settings")
                }
                print(
                    """
                    \(labels) audited labels a week, \(plan.tumorLabels) tumours among all of them within \(weeks) weeks
                    """)
            }
        }
    }
}
