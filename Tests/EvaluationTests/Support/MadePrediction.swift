import Foundation

/// A prediction to store in a test, with whatever matters to it said and the rest made up.
struct MadePrediction {
    /// Names the job: `MadePrediction.id(number)`.
    var number: Int
    var p: Double = 0.9
    var site: String? = "north"
    var slide: String? = "S-1"
    var x: Int? = 0
    var y: Int? = 0
    var caseName: String?
    var attributes: String?
    /// Drawn as a positive, for the audit sample, or both; an uncertain one is selected anyway.
    var positive = false
    var audit = false
    var rule: Int?
    var reads = 1
    var blind = false
    /// Names the patch; the same seed is the same image.
    var image: Int?

    static func id(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    var id: String { MadePrediction.id(number) }

    /// The row as `test.predict` takes it.
    var json: String {
        let fields: [(String, String?)] = [
            ("job_id", MadePrediction.quoted(id)), ("p", "\(p)"), ("site", MadePrediction.quoted(site)),
            ("slide_id", MadePrediction.quoted(slide)), ("x", x.map { "\($0)" }), ("y", y.map { "\($0)" }),
            ("case_pseudonym", MadePrediction.quoted(caseName)),
            ("attributes_source", MadePrediction.quoted(attributes)), ("positive", "\(positive)"),
            ("audit", "\(audit)"), ("rule", rule.map { "\($0)" }), ("reads", "\(reads)"), ("blind", "\(blind)"),
            ("image", "\(image ?? number)"),
        ]
        return "{" + fields.compactMap { name, value in value.map { "\"\(name)\": \($0)" } }.joined(separator: ",")
            + "}"
    }

    private static func quoted(_ text: String?) -> String? {
        text.map { "\"" + $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\"" }
    }
}

/// The function that stores made-up predictions: it runs as the owner, seals what it stores, and lives in a schema that
/// is no part of the product.
enum PredictionMaker {
    /// Version `banded-1`: tumor from 0.5 on, uncertain from 0.4 and below 0.6.
    static let version = "banded-1"

    static let script = """
        create schema test;
        grant all on schema test to sentinode_owner;
        create function test.make_version() returns void language plpgsql as $$
        declare
            act audit.act := audit.begin_act();
        begin
            insert into sentinode.model_versions
                (name, version_sha256, weights_sha256, preprocessing, arithmetic, threshold, uncertain_low,
                 uncertain_high, created_at, created_by, writer, seal, leaf, salt)
            select 'banded-1', sha256('banded-1'), weights_sha256, 'rgb/255', 'direct-1', 0.5, 0.4, 0.6, now(),
                   session_user, act.writer, act.seal, 1, uuid_send(gen_random_uuid())
            from sentinode.models limit 1;
            perform audit.seal_act(act, 'model.imported', 'banded-1', 'a test', null, 'sentinode.model_versions');
        end $$;
        create function test.predict(rows jsonb) returns void language plpgsql as $$
        declare
            act audit.act := audit.begin_act();
            policy bigint := (select max(generation) from review.policies);
            stored timestamptz := review.time_of_act();
        begin
            insert into sentinode.predictions
                (job_id, model_version, message_id, sender, slide_id, x, y, level, mpp, site, case_pseudonym,
                 attributes_source, image_sha256, log_p_normal, log_p_tumor, p_tumor, decision, threshold,
                 uncertain_low, uncertain_high, review_reason, selection_probability, enqueued_at, received_at,
                 predicted_at, engine, mean_red, mean_green, mean_blue, od_mean_red, od_mean_green, od_mean_blue,
                 od_sd_red, od_sd_green, od_sd_blue, saturation, brightness, focus, tissue_share,
                 review_policy, review_rule, positive_probability, positive_selected, audit_probability,
                 audit_selected, second_read_probability, reads_wanted, blind, stored_at, writer, seal, leaf, salt)
            select row.job_id, 'banded-1', 'message of ' || coalesce(row.case_pseudonym, row.job_id::text), 'test',
                   row.slide_id, row.x, row.y, 0, 0.5, row.site, row.case_pseudonym, row.attributes_source,
                   sha256(convert_to('patch ' || row.image, 'UTF8')), ln(1 - row.p), ln(row.p), row.p, row.decision,
                   0.5, 0.4, 0.6, row.reason,
                   case when row.decision = 'uncertain' then 1
                        else 1 - (1 - case when row.positive then 0.5 else 0 end) * (1 - case when row.audit then 0.25 else 0 end)
                   end,
                   now() - interval '2 seconds', now() - interval '1 second', now(), 'direct-1/portable',
                   1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5, 1, 1, 0.5,
                   policy, case when row.reason is not null and policy is not null then row.rule end,
                   case when policy is not null then case when row.positive then 0.5 else 0 end end,
                   case when policy is not null then row.positive end,
                   case when policy is not null then case when row.audit then 0.25 else 0 end end,
                   case when policy is not null then row.audit end,
                   case when policy is not null and row.reason is not null then 0.5 end,
                   case when policy is not null and row.reason is not null then row.reads end,
                   case when policy is not null and row.reason is not null then row.blind end,
                   stored, act.writer, act.seal, row.place, uuid_send(gen_random_uuid())
            from (
                select given.*,
                       case when decision = 'uncertain' then 'uncertain' when positive then 'positive'
                            when audit then 'audit' end as reason
                from (
                    select (element ->> 'job_id')::uuid as job_id, (element ->> 'p')::double precision as p,
                           element ->> 'site' as site, element ->> 'slide_id' as slide_id,
                           (element ->> 'x')::bigint as x, (element ->> 'y')::bigint as y,
                           element ->> 'case_pseudonym' as case_pseudonym,
                           element ->> 'attributes_source' as attributes_source,
                           (element ->> 'positive')::boolean as positive, (element ->> 'audit')::boolean as audit,
                           (element ->> 'rule')::smallint as rule, (element ->> 'reads')::smallint as reads,
                           (element ->> 'blind')::boolean as blind, element ->> 'image' as image, place,
                           case when (element ->> 'p')::double precision >= 0.4 and (element ->> 'p')::double precision < 0.6
                                then 'uncertain' when (element ->> 'p')::double precision >= 0.5 then 'tumor'
                                else 'normal' end as decision
                    from jsonb_array_elements(rows) with ordinality as element (element, place)
                ) as given
            ) as row;
            perform audit.seal_act(act, 'batch.recorded', null, null, null, 'sentinode.predictions');
        end $$;
        set role sentinode_owner;
        select test.make_version();
        reset role;
        """
}
