import Database
import PatchClassifier

/// What a version in shadow says of a patch.
struct ShadowOpinion {
    let version: String
    let rule: DecisionRule
    let scope: DeclaredScope
    let probabilities: LogProbabilities
    let engine: String
}

/// The classifiers of the versions that predict beside the active one and decide nothing. What goes wrong with one of
/// them keeps no patch from its decision.
struct ShadowClassifiers {
    /// As the control table said; nil before the first change.
    let generation: Int64?
    private let classifiers: [(version: LoadedVersion, classifier: Classifier)]
    /// Why a version that should be asked is not.
    let problems: [String]

    init() { (generation, classifiers, problems) = (nil, [], []) }

    init(_ control: Control, _ shelf: VersionShelf, _ connection: DatabaseConnection) throws {
        generation = control.shadowGeneration
        let names = try connection.query(
            """
            select model_version from (
                select distinct on (model_version) model_version, running from sentinode.shadow_changes
                order by model_version, generation desc) as change
            where running order by model_version
            """
        ).map { try $0.text("model_version") }
        var (ready, problems) = ([(version: LoadedVersion, classifier: Classifier)](), [String]())
        for name in names where name != control.activeVersion {
            do {
                let version = try shelf.version(named: name, from: connection)
                ready.append((version, version.classifier()))
            } catch let error as DatabaseError {
                throw error
            } catch {
                problems.append("\(name): \(error)")
            }
        }
        (classifiers, self.problems) = (ready, problems)
    }

    /// Of each patch what each version says; a version that takes patches of another size says nothing.
    func opinions(on patches: [Patch]) throws -> [[ShadowOpinion]] {
        var opinions = [[ShadowOpinion]](repeating: [], count: patches.count)
        for (version, classifier) in classifiers {
            let side = version.network.architecture.side
            guard patches.allSatisfy({ $0.width == side && $0.height == side }) else { continue }
            for (index, answer) in try classifier.classify(patches).enumerated() {
                opinions[index].append(
                    ShadowOpinion(
                        version: version.name, rule: version.rule, scope: version.scope, probabilities: answer,
                        engine: classifier.engine.name))
            }
        }
        return opinions
    }
}
