import Foundation

/// First unknown of a linear system, rows with the right side last, by elimination with partial pivoting; nil where
/// it is singular. The rows are used up.
func firstUnknown(_ rows: inout [[Double]]) -> Double? {
    let size = rows.count
    for column in (0..<size).reversed() {
        guard let pivot = (0...column).max(by: { abs(rows[$0][column]) < abs(rows[$1][column]) }),
            rows[pivot][column] != 0
        else { return nil }
        rows.swapAt(pivot, column)
        let from = rows[column]
        for row in 0..<column {
            let factor = rows[row][column] / from[column]
            for place in 0..<column { rows[row][place] -= factor * from[place] }
            rows[row][size] -= factor * from[size]
        }
    }
    return rows[0][size] / rows[0][0]
}

/// Nodes and weights of Gauss-Legendre integration, by Newton's method on the Legendre polynomial.
func gaussLegendre(count: Int, from low: Double, to high: Double) -> [(x: Double, weight: Double)] {
    (1...count).map { i in
        var x = cos(Double.pi * (Double(i) - 0.25) / (Double(count) + 0.5))
        var slope = 1.0
        for _ in 0..<100 {
            var (previous, value) = (1.0, x)
            for n in 2...max(2, count) where n <= count {
                let order = Double(n)
                (previous, value) = (value, ((2 * order - 1) * x * value - (order - 1) * previous) / order)
            }
            slope = Double(count) * (x * value - previous) / (x * x - 1)
            let step = value / slope
            x -= step
            if abs(step) < 1e-15 { break }
        }
        let half = (high - low) / 2
        return (x: low + half * (1 + x), weight: half * 2 / ((1 - x * x) * slope * slope))
    }
}
