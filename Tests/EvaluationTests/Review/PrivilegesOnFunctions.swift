/// Who may call which function; whoever adds one decides here. A function without roles is for other functions alone,
/// and so is every function for a login without a role.
let privilegesOnFunctions = """
    audit.begin_act() |
    audit.check_author() |
    audit.check_claimed_leaves() |
    audit.check_event() |
    audit.check_event_is_sealed() |
    audit.check_seal() |
    audit.check_sealed() |
    audit.check_signed() |
    audit.claim_leaves(uuid,bigint,integer,integer,bigint,bigint) |
    audit.columns_without(regclass,text) |
    audit.merkle_root(bytea[]) |
    audit.note_seal() |
    audit.protect(regclass) |
    audit.refuse_change() |
    audit.row_encoding(regclass) |
    audit.seal_act(audit.act,text,text,text,jsonb,regclass[]) |
    monitor.acknowledge(uuid,text) | admin
    monitor.act_on_alert(uuid,text,text) |
    monitor.check_alert_act() |
    monitor.check_measurements() |
    monitor.digest_of_reference(uuid) | admin auditor monitor
    monitor.end_webhook() | admin
    monitor.freeze_reference(text,timestamp with time zone,timestamp with time zone,text) | admin
    monitor.keep_for_webhook() |
    monitor.resolve(uuid,text) | admin
    review.add_reader(text,text,text,text[],boolean,boolean,timestamp with time zone,timestamp with time zone,text) | admin
    review.adjudicates() | admin auditor monitor reviewer
    review.agreement_since(timestamp with time zone) | admin auditor monitor reviewer
    review.amend(uuid,text,text,integer,text,text) | reviewer
    review.announce(text,jsonb) |
    review.as_of() | admin auditor monitor reviewer
    review.change_work(boolean,text) |
    review.check_claim(integer,text,text) |
    review.check_words(text,integer,text,text) |
    review.claim(integer,text,text,text,text) | reviewer
    review.confirm(uuid,text,integer,text,text,text) | reviewer
    review.confirm_many(uuid[],text,integer,text,text,text) | reviewer
    review.contradicts(uuid,text,text,boolean) |
    review.end_reader(text,text) | admin
    review.erase(text,text,text,boolean) |
    review.erase_case(text,text,boolean) | admin
    review.erase_slide(text,text,boolean) | admin
    review.export_csv(text,text,timestamp with time zone) | admin auditor monitor reviewer
    review.export_geojson(text,integer) | admin auditor monitor reviewer
    review.hides(uuid,boolean) | admin auditor monitor reviewer
    review.image(uuid) | reviewer
    review.import_labels(text,uuid[],text[],text,integer) | admin
    review.is_always_blind() | admin auditor monitor reviewer
    review.is_reader() | admin auditor monitor reviewer
    review.me() |
    review.mentions(bytea,text) |
    review.my_sites() | admin auditor monitor reviewer
    review.name_person(text,text,text,text) | admin
    review.next_items(review.readers,integer,text,text,text,text,interval) |
    review.pause(text) | admin reviewer
    review.person_of(text) | admin auditor monitor worker
    review.prediction_to_label(uuid,jsonb) |
    review.prune_images(integer) | admin
    review.put_on_worklist() |
    review.queue_review(uuid,text) |
    review.read_patch(audit.act,integer,review.readers,uuid,text,integer,text,text,text) |
    review.reading_of(review.worklist_items,review.readers) |
    review.record_reader(review.readers,text,jsonb) |
    review.refuse(text,text,text) |
    review.refuse_telling_blindness(bigint) |
    review.refuse_telling_reasons(bigint) |
    review.refuse_unseen(uuid) |
    review.release(uuid[]) | reviewer
    review.require_reason(text,text) |
    review.resume(text) | admin reviewer
    review.reveal(uuid) | reviewer
    review.sees_everything() | admin auditor monitor reviewer
    review.set_as_of(timestamp with time zone) | admin auditor monitor reviewer
    review.set_policy(jsonb,text,text,timestamp with time zone,integer) | admin
    review.settle(uuid) |
    review.settled_at() | admin auditor monitor reviewer
    review.slide(text) | admin auditor monitor reviewer
    review.supersede(uuid,text,text,integer,text,text) |
    review.time_of_act() | admin auditor monitor worker
    review.timeline(uuid) | admin auditor monitor reviewer
    review.upcoming(integer,text,text,text,text) | reviewer
    review.warn_of_mentions(text,uuid[]) |
    review.warn_of_unsampled_strata(bigint) |
    review.waits_blind(bytea) | worker
    review.wilson(bigint,bigint,integer) | admin auditor monitor reviewer
    review.withdraw(uuid,text) | reviewer
    sentinode.check_announcement() |
    sentinode.check_prediction_leaves() |
    sentinode.check_are_possible() |
    sentinode.check_predictions() |
    sentinode.refuse_retired() |
    sentinode.refuse_partition() |
    sentinode.check_retention() |
    sentinode.check_review_policy() |
    sentinode.check_opinion_leaves() |
    sentinode.check_opinions() |
    """
