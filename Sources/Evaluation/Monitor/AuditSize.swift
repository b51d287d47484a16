import Monitoring

/// How large an audit sample has to be to see a fall of the sensitivity in time.
public struct AuditSize {
    /// Of tumours and normals together; nil where no number is enough.
    public let labelsPerWeek: Int?
    /// Labels of tumours that it takes in all.
    public let tumorLabels: Int

    public init(
        sensitivity: Double, drop: Double, tumorShare: Double, weeks: Double, power: Double, significance: Double,
        labelsPerSlide: Double, correlation: Double
    ) {
        var audit = AuditPower(recall: sensitivity, drop: drop, tumourShare: tumorShare)
        (audit.power, audit.significance) = (power, significance)
        audit.designEffect = designEffect(tumourLabelsPerSlide: labelsPerSlide, intraclassCorrelation: correlation)
        labelsPerWeek = audit.labelsPerWeek(within: weeks).map { Int($0.rounded(.up)) }
        tumorLabels = audit.tumourLabels.map { Int($0.rounded(.up)) } ?? 0
    }
}
