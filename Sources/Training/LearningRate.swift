/// The learning rate from epoch to epoch.
struct LearningRate: Sendable, Equatable, Codable {
    private(set) var rate: Double
    /// Lowest validation loss that counted, and epochs since; for a plateau.
    private var lowest: Double?
    private var waited = 0

    init(_ recipe: Recipe) { rate = recipe.learningRate }

    /// The rate of the epoch after `done`, whose validation loss was `loss`.
    mutating func end(epoch done: Int, loss: Double, _ recipe: Recipe) {
        switch recipe.schedule {
        case .linear: rate = recipe.learningRate * Double(recipe.epochs - done) / Double(recipe.epochs)
        case .plateau(let factor, let patience):
            // PyTorch's threshold, relative: 1e-4.
            if let lowest, loss >= lowest * (1 - 1e-4) {
                waited += 1
            } else {
                (lowest, waited) = (loss, 0)
            }
            guard waited > patience else { return }
            (rate, waited) = (rate * factor, 0)
        }
    }
}
