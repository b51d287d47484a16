import Database

/// A positive of a batch that is selected for certain if it is among the highest scores of its slide.
struct RankedPositive {
    let slide: String
    let pTumor: Float
    /// So many of the slide's highest scores are selected for certain.
    let top: Int
    /// Whether its picture is to be read blind, under its own job or another: then it takes no rank from the others.
    var isBlind = false
}

/// Which positives of a batch are among the highest scores of their slides known when they are decided: those stored
/// before, then the batch's own. Of equal scores the earlier one ranks higher, so that identical patches are no way
/// around the limit. What is read blind counts against none, so that nobody can tell from the others' selection how high
/// a score is that they may not know yet.
struct SlideRanking {
    /// The highest stored scores of each slide, in any order.
    let stored: [String: [Float]]

    /// For each positive, whether it is.
    func areAmongHighest(_ positives: [RankedPositive]) -> [Bool] {
        var answers = [Bool](repeating: false, count: positives.count)
        for (slide, members) in Dictionary(grouping: positives.indices, by: { positives[$0].slide }) {
            let known = stored[slide] ?? []
            let ordered = members.sorted { (-positives[$0].pTumor, $0) < (-positives[$1].pTumor, $1) }
            var before = 0
            for index in ordered {
                let higher = before + known.count { $0 >= positives[index].pTumor }
                answers[index] = higher < positives[index].top
                if !positives[index].isBlind { before += 1 }
            }
        }
        return answers
    }

    /// Reads what is stored of these positives' slides, in one query.
    init(of positives: [RankedPositive], in connection: DatabaseConnection) throws {
        var tops: [String: Int] = [:]
        for positive in positives { tops[positive.slide] = max(positive.top, tops[positive.slide] ?? 0) }
        guard !tops.isEmpty else {
            stored = [:]
            return
        }
        let slides = tops.keys.sorted()
        let rows = try connection.query(
            SlideRanking.selectSQL,
            [.textArray(slides), .int4Array(slides.map { Int32(tops[$0] ?? 0) })])
        stored = try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (try row.text("slide_id"), try row.float4Array("scores").compactMap { $0 })
            })
    }

    init(stored: [String: [Float]]) {
        self.stored = stored
    }

    /// $1: slides; $2: how many of each.
    private static let selectSQL: SQL = """
        select wanted.slide_id, array_agg(highest.p_tumor) as scores
        from unnest($1::text[], $2::integer[]) as wanted (slide_id, top)
        cross join lateral (
            select p_tumor from sentinode.predictions as prediction
            where prediction.slide_id = wanted.slide_id and decision = 'tumor' and blind is not true
                and not review.waits_blind(image_sha256)
            order by p_tumor desc limit wanted.top) as highest
        group by wanted.slide_id
        """
}
