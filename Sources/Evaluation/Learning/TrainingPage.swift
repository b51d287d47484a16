import Foundation
import Training

/// How a training run went, epoch by epoch, as one HTML page.
struct TrainingPage {
    let history: [EpochRecord]
    let facts: [String]

    var html: String {
        let best = history.last(where: \.isBest)
        let verdict =
            best.map {
                "Epoch \($0.epoch) of \(history.count) had the lowest validation loss, \($0.validationLoss.short)"
                    + ($0.areaUnderROC.map { ", with AUC-ROC \($0.short)." } ?? ".")
            } ?? "No epoch was done yet."
        return ReportPage(
            title: "Sentinode training", verdict: verdict, mood: .calm, facts: facts,
            chapters: [("Epochs", [losses, scores, rates])]
        ).html
    }

    private var losses: ReportPart {
        part(
            "Loss", "nats a patch",
            [
                ("training, augmented", "c2", history.map(\.trainingLoss)),
                ("validation", "c1", history.map(\.validationLoss)),
            ])
    }

    private var scores: ReportPart {
        part(
            "Validation patches", "share",
            [
                ("AUC-ROC", "c1", history.map { $0.areaUnderROC ?? .nan }),
                ("accuracy", "c2", history.map(\.validationAccuracy)),
            ])
    }

    private var rates: ReportPart {
        part("Learning rate", "thousandths", [("learning rate", "c3", history.map { 1000 * $0.learningRate })])
    }

    private func part(_ title: String, _ unit: String, _ lines: [(name: String, color: String, values: [Double])])
        -> ReportPart
    {
        let known = lines.flatMap(\.values).filter(\.isFinite)
        var part = ReportPart(
            title: title,
            table: ReportTable(
                columns: ["epoch"] + lines.map(\.name),
                rows: history.indices.map { index in
                    ["\(history[index].epoch)"] + lines.map { $0.values[index].isFinite ? $0.values[index].short : "" }
                }))
        guard let low = known.min(), let high = known.max() else { return part }
        let margin = max(0.05 * (high - low), 1e-6)
        var chart = Chart(
            title: title, xLabel: "epoch", yLabel: unit, xRange: 1...Double(max(2, history.count)),
            yRange: low - margin...high + margin)
        chart.series = lines.map { line in
            let points = zip(history, line.values).filter { $0.1.isFinite }.map { (x: Double($0.0.epoch), y: $0.1) }
            return .init(name: line.name, style: .line, color: line.color, points: points)
        }
        part.chart = chart
        return part
    }
}
