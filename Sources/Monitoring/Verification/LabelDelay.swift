/// A selected patch's wait for its label.
public struct LabelWait: Sendable, Equatable {
    /// From selection to the label, or to now while it is still out; one unit throughout, for example days.
    public var age: Double
    public var isLabelled: Bool

    public init(age: Double, isLabelled: Bool) {
        self.age = age
        self.isLabelled = isLabelled
    }
}

/// Share of selected patches labelled by a given age, with those still waiting counted as long as they were watched
/// (Kaplan and Meier 1958). Waits without a number as age are left out.
public struct LabelDelay: Sendable, Equatable {
    public struct Step: Sendable, Equatable {
        public var age: Double
        /// Share labelled at this age and before.
        public var shareLabelled: Double
        /// Greenwood's; nil from the age on at which every patch still watched was labelled.
        public var standardError: Double?
    }

    /// One step for each age at which a label came.
    public let steps: [Step]
    /// Age up to which patches were watched; the share is unknown beyond.
    public let longestAge: Double?

    public init(_ waits: [LabelWait]) {
        let sorted = waits.filter { !$0.age.isNaN }.sorted { $0.age < $1.age }
        var waiting = 1.0
        var greenwood = 0.0
        var steps: [Step] = []
        var start = 0
        while start < sorted.count {
            let same = sorted[start...].prefix { $0.age == sorted[start].age }
            let watched = Double(sorted.count - start)
            let labelled = Double(same.count { $0.isLabelled })
            if labelled > 0 {
                waiting *= 1 - labelled / watched
                greenwood += labelled / (watched * (watched - labelled))
                let error = labelled < watched ? waiting * greenwood.squareRoot() : nil
                steps.append(Step(age: sorted[start].age, shareLabelled: 1 - waiting, standardError: error))
            }
            start = same.endIndex
        }
        self.steps = steps
        longestAge = sorted.last?.age
    }

    /// Share labelled by this age; nil beyond the longest age watched.
    public func shareLabelled(byAge age: Double) -> Double? {
        guard let longestAge, age <= longestAge else { return nil }
        return steps.last { $0.age <= age }?.shareLabelled ?? 0
    }

    /// First age by which this share is labelled; nil where it is not reached yet.
    public func age(ofShare share: Double) -> Double? { steps.first { $0.shareLabelled >= share }?.age }

    /// Whether patches selected this long ago have 90 % of their labels; nil beyond the longest age watched.
    public func isMature(atAge age: Double) -> Bool? {
        shareLabelled(byAge: age).map { $0 >= StratumResponse.matureRate }
    }
}
