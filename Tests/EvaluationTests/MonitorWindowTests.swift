import Database
import Monitoring
import PatchClassifier
import Testing

@testable import Evaluation

@Suite struct `Monitor windows` {
    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

    private func ends(_ kind: WindowKind, _ from: String, _ until: String) throws -> [String] {
        try MonitorWindow.ending(after: time(from), by: time(until), kind).map { String("\($0.end)".prefix(16)) }
    }

    @Test func `end on whole hours, midnights and Mondays`() throws {
        #expect(
            try ends(.hour, "2026-11-25T10:00:00Z", "2026-11-25T12:59:59Z") == ["2026-11-25T11:00", "2026-11-25T12:00"])
        #expect(try ends(.day, "2026-11-24T00:00:00Z", "2026-11-25T23:59:59Z") == ["2026-11-25T00:00"])
        // 23 November 2026 is a Monday.
        #expect(
            try ends(.week, "2026-11-10T12:00:00Z", "2026-11-30T00:00:00Z")
                == ["2026-11-16T00:00", "2026-11-23T00:00", "2026-11-30T00:00"])
        #expect(
            try ends(.rolling, "2026-11-23T23:00:00Z", "2026-11-25T01:00:00Z") == [
                "2026-11-24T00:00", "2026-11-25T00:00",
            ])
        #expect(try ends(.day, "2026-11-25T01:00:00Z", "2026-11-25T02:00:00Z") == [])
    }

    @Test func `end on the same boundaries before 1970`() throws {
        #expect(
            try ends(.week, "1969-12-25T00:00:00Z", "1970-01-05T00:00:00Z") == ["1969-12-29T00:00", "1970-01-05T00:00"])
    }

    @Test(arguments: WindowKind.allCases) func `that contain a time are those whose data it is`(kind: WindowKind) throws
    {
        let moment = try time("2026-11-11T13:30:00Z")
        let until = try time("2026-11-25T00:00:00Z")
        let found = MonitorWindow.containing(moment, by: until, kind)
        let all = try MonitorWindow.ending(after: time("2026-09-01T00:00:00Z"), by: until, kind)
        #expect(found == all.filter { $0.start <= moment && moment < $0.end })
        #expect(found.count == (kind == .rolling ? 14 : 1))
    }
}

@Suite struct `A prediction profile` {
    private func patch(
        _ score: Float, called: Bool, reason: String?, focus: Float = 100, position: DeclaredScope.Position? = nil
    ) -> ProfiledPatch {
        ProfiledPatch(
            isCalledTumor: called, isUncertain: reason == "uncertain",
            stratum: ReviewStratum(reason: reason, isCalledTumor: called),
            selectionProbability: reason == nil ? 0 : 0.5, position: position,
            figures: MonitoredStatistic.allCases.map { $0 == .score ? score : $0 == .focus ? focus : 0.3 })
    }

    @Test(arguments: [(MonitoredStatistic.odMeanRed, 0.5, 1), (.odMeanBlue, 0.5, 1), (.odMeanGreen, 0.9, 0)])
    func `counts patches that are covered by ink`(statistic: MonitoredStatistic, density: Float, inked: Int64) {
        var profile = PredictionProfile()
        var patch = patch(0.5, called: true, reason: nil)
        patch.figures[statistic.rawValue] = density
        profile.add(patch)
        #expect(profile.inked == inked && profile.blurred == 0)
    }

    @Test func `is read as it was written, and adds up`() throws {
        var one = PredictionProfile()
        one.add(patch(0.9, called: true, reason: "positive"))
        one.add(patch(0.2, called: false, reason: nil, focus: 3, position: .unknown))
        var other = PredictionProfile()
        other.add(patch(0.5, called: true, reason: "uncertain", position: .outside))
        let read = try #require(one.packed.withUnsafeBytes { PredictionProfile(packed: $0) })
        #expect(read == one)
        var sum = one
        sum += other
        #expect(sum.predictions == 3 && sum.calledTumor == 2 && sum.uncertain == 1 && sum.uncertainCalledTumor == 1)
        #expect(sum.selected == [1, 1, 0, 0] && sum.neverDrawnCalledNormal == 1 && sum.blurred == 1)
        #expect(sum.declaredScope == 2 && sum.outsideScope == 1 && sum.unknownScope == 1)
        #expect(abs(sum.expectedTumorsCalled - 1.4) < 1e-6 && abs(sum.expectedTumorsMissed - 0.2) < 1e-6)
        #expect(sum.histograms.allSatisfy { $0.total == 3 })
        #expect(Array(one.packed.dropLast()).withUnsafeBytes { PredictionProfile(packed: $0) } == nil)
    }
}

@Suite struct `A development profile` {
    private func made() throws -> DevelopmentProfile {
        var profile = try DevelopmentProfile(of: "made-up patches")
        for seed in 0..<20 {
            let patch = try Patch(png: try TestPatches.png(seed), width: 96, height: 96)
            profile.add(patch, pTumor: Float(seed) / 20, isCalledTumor: seed >= 10)
        }
        return profile
    }

    @Test func `is read as it was written, and is at no distance from itself`() throws {
        let profile = try made()
        let read = try DevelopmentProfile(json: profile.json)
        #expect(read == profile && read.patches == 20)
        let distances = read.sample.figures(comparedWith: DriftStandard(profile.sample))
        #expect(distances.count == DriftFigures.names.count)
        #expect(distances.compactMap(\.self).allSatisfy { abs($0) < 1e-12 })
    }

    @Test func `that is not one is refused with what to do`() throws {
        let json = try made().json
        for (wrong, words) in [
            ("{}", "no development profile"), ("", "no development profile"),
            (json.replacing("\"od_mean_red\"", with: "\"other\""), "od_mean_red is missing"),
            (json.replacing("0.0625", with: "0.07"), "other bins"),
            (json.replacing("\"patches\":20", with: "\"patches\":0"), "cannot be"),
            (json.replacing("made-up patches", with: ""), "which patches"),
            (String(repeating: " ", count: 70_000), "at most"),
        ] {
            let error = #expect(throws: OperationError.self) { try DevelopmentProfile(json: wrong) }
            #expect(try #require(error).description.contains(words), "\(words)")
        }
    }
}

@Suite struct `What a version was made for` {
    @Test(arguments: [
        (0.9 as Double?, "H&E", DeclaredScope.Position.inside), (0.8, "H&E", .outside), (1, "IHC", .outside),
        (nil, "H&E", .unknown),
        (1, "", .unknown), (nil, "IHC", .outside), (2, "", .outside),
    ])
    func `is one resolution and some stains`(mpp: Double?, stain: String, position: DeclaredScope.Position) {
        #expect(DeclaredScope(mpp: 0.9...1.1, stains: ["H&E", "HES"]).position(mpp: mpp, stain: stain) == position)
    }

    @Test func `is every patch that nothing is said against`() {
        #expect(DeclaredScope(mpp: 0.9...1.1).position(mpp: 1, stain: "") == .inside)
        #expect(DeclaredScope(stains: ["H&E"]).position(mpp: nil, stain: "H&E") == .inside)
    }
}
