import Database
import Testing

/// What no prediction can be is refused by the database, whoever inserts it, under a name that says what is wrong.
@Suite struct PossiblePredictionsTests {
    /// Drawn by a policy, and not selected.
    private static let drawn = [
        "review_policy": "1", "positive_probability": "0", "positive_selected": "false", "audit_probability": "0",
        "audit_selected": "false", "selection_probability": "0", "review_reason": "null",
    ]
    private static let uncertain = [
        "decision": "'uncertain'", "p_tumor": "0.5", "review_reason": "'uncertain'", "selection_probability": "1",
    ]

    /// What is changed in a good row, a tumour without a policy, by the name that refuses it.
    private static let cases: [(String, [String: String])] = [
        ("predictions_decision_check", ["decision": "'perhaps'"]),
        ("predictions_p_tumor_check", ["p_tumor": "1.5"]),
        ("predictions_log_p_normal_check", ["log_p_normal": "0.5"]),
        ("predictions_log_p_tumor_check", ["log_p_tumor": "0.5"]),
        ("probabilities_add_up", ["log_p_normal": "-0.1"]),
        ("decision_follows_the_operating_point", ["decision": "'normal'"]),
        ("decision_follows_the_operating_point", ["p_tumor": "0.55"]),
        ("uncertain_means_inside_the_band", uncertain.merging(["p_tumor": "0.6"]) { $1 }),
        ("out_of_scope_is_uncertain", ["review_reason": "'out_of_scope'"]),
        ("predictions_image_sha256_check", ["image_sha256": "'\\x00'"]),
        ("an_engine_is_arithmetic_and_kernel", ["engine": "'Direct'"]),
        ("predictions_check", ["predicted_at": "received_at - interval '1 second'"]),
        ("times_are_finite", ["enqueued_at": "'infinity'"]),
        ("predictions_message_id_check", ["message_id": "repeat('a', 256)"]),
        ("predictions_sender_check", ["sender": "repeat('a', 256)"]),
        ("predictions_scanner_check", ["scanner": "''"]),
        ("predictions_stain_check", ["stain": "''"]),
        ("predictions_attributes_source_check", ["attributes_source": "to_jsonb(repeat('a', 16384))::text"]),
        ("predictions_x_check", ["x": "-1"]),
        ("predictions_y_check", ["y": "10000001"]),
        ("predictions_level_check", ["level": "100"]),
        ("predictions_mpp_check", ["mpp": "0"]),
        ("statistics_are_in_range", ["focus": "'NaN'"]),
        ("statistics_are_in_range", ["od_sd_blue": "11"]),
        ("predictions_tissue_share_check", ["tissue_share": "1.5"]),
        ("stain_vectors_are_whole", ["hematoxylin_red": "0.5"]),
        ("an_embedding_is_floats", ["embedding": "'\\x0000'"]),
        ("seals_count_from_zero", ["seal": "-1"]),
        ("predictions_leaf_check", ["leaf": "0"]),
        ("predictions_salt_check", ["salt": "'\\x00'"]),
        ("predictions_review_reason_check", ["review_reason": "'a whim'"]),
        ("predictions_selection_probability_check", ["selection_probability": "1.5"]),
        ("an_uncertain_patch_is_looked_at", uncertain.merging(["review_reason": "null"]) { $1 }),
        ("every_draw_is_kept", ["review_policy": "1"]),
        ("predictions_positive_probability_check", drawn.merging(["positive_probability": "1.5"]) { $1 }),
        ("predictions_audit_probability_check", drawn.merging(["audit_probability": "-0.5"]) { $1 }),
        ("predictions_second_read_probability_check", drawn.merging(["second_read_probability": "2"]) { $1 }),
        ("predictions_reads_wanted_check", drawn.merging(["reads_wanted": "3"]) { $1 }),
        ("reasons_are_those_drawn", drawn.merging(["positive_selected": "true"]) { $1 }),
        ("certain_means_selected", drawn.merging(["positive_probability": "1"]) { $1 }),
        ("selection_probability_is_of_all_reasons", drawn.merging(["selection_probability": "0.5"]) { $1 }),
        ("a_selected_patch_follows_a_rule", drawn.merging(["reads_wanted": "1"]) { $1 }),
        // What an index would refuse in other words is refused by a constraint.
        ("predictions_slide_id_check", ["slide_id": "repeat('a', 256)"]),
        ("predictions_site_check", ["site": "''"]),
        ("predictions_case_pseudonym_check", ["case_pseudonym": "''"]),
    ]

    @Test func `what no prediction can be is refused by name`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1)])
            let worker = try room.makeLogin(["sentinode_worker"])
            let columns = try room.operatorSession.column(
                """
                select attname from pg_attribute where attrelid = 'sentinode.predictions'::regclass and attnum > 0
                    and attgenerated = ''
                """
            ).compactMap { $0 }
            let unsealed = [
                "job_id": "gen_random_uuid()", "writer": "gen_random_uuid()", "seal": "0", "leaf": "1",
                "stored_at": "now()",
            ]
            func refusal(of changes: [String: String]) throws -> DatabaseError? {
                let values = columns.map { changes[$0] ?? unsealed[$0] ?? $0 }
                do throws(DatabaseError) {
                    try worker.connection.run(
                        script: "insert into sentinode.predictions (\(columns.joined(separator: ","))) "
                            + "select \(values.joined(separator: ",")) from sentinode.predictions")
                    return nil
                } catch {
                    return error
                }
            }
            for (name, changes) in Self.cases {
                let error = try #require(try refusal(of: changes), "\(name) lets \(changes) in")
                #expect(error.sqlstate == "23514" && error.constraint == name, "\(name): \(error)")
                #expect(error.kind == .refusedRow)
            }
            // Nothing is wrong with the row itself: it is no part of a sealed event.
            #expect(try refusal(of: [:])?.sqlstate == "42501")

            let named = Set(
                try room.operatorSession.column(
                    """
                    select (regexp_matches(prosrc, 'then ''([a-z0-9_]+)''', 'g'))[1]
                    from pg_proc where oid = 'sentinode.check_are_possible'::regproc
                    union
                    select conname from pg_constraint
                    where conrelid = 'sentinode.predictions'::regclass and contype = 'c'
                    """
                ).compactMap { $0 })
            #expect(named == Set(Self.cases.map(\.0)), "each is shown to refuse something")
        }
    }
}
