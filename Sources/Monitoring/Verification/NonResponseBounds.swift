/// Between what a figure must lie whatever the labels that did not come are.
public struct NonResponseBounds: Sendable, Equatable {
    public let lower: Double
    public let upper: Double
}

/// Worst and best case of the figure (Manski 1989): the patches without an answer are taken as tumours or as normals,
/// for each call as a whole, and the extremes kept. Every figure is monotone in each call's split, so these corners
/// hold its extremes. Nil where a corner leaves the figure without a denominator.
///
/// - Parameters:
///   - answered: weighted by selection alone, without the response rate.
///   - silentCalledTumour: weighted patches called tumour that were selected and not answered.
///   - silentCalledNormal: the same of patches called normal.
public func nonResponseBounds(
    of figure: ConfusionFigure, answered: ConfusionMatrix, silentCalledTumour: Double, silentCalledNormal: Double
) -> NonResponseBounds? {
    let corners = [true, false].flatMap { upper in
        [true, false].map { lower in
            var matrix = answered
            matrix.add(isTumour: upper, isCalledTumour: true, weight: silentCalledTumour)
            matrix.add(isTumour: lower, isCalledTumour: false, weight: silentCalledNormal)
            return matrix.value(of: figure)
        }
    }
    let values = corners.compactMap { $0 }
    guard values.count == corners.count, let lower = values.min(), let upper = values.max() else { return nil }
    return NonResponseBounds(lower: lower, upper: upper)
}
