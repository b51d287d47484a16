/// What each role may do with each table, view and sequence; whoever adds one decides here. Roles that are not named
/// may do nothing, and so may a login without a role. Partitions are reached through their table alone.
///
/// Letters as PostgreSQL's: r SELECT, a INSERT, w UPDATE, d DELETE, D TRUNCATE, x REFERENCES, t TRIGGER; names in
/// parentheses are the only columns.
let privilegesOnRelations = """
    audit.catalogues | admin=r auditor=r
    audit.chains | admin=r auditor=r monitor=r(login,writer) worker=r(login,writer)
    audit.checkpoints | admin=ar auditor=r
    audit.claimed_leaves |
    audit.erased_rows | admin=r auditor=r monitor=r(erased_at,relation)
    audit.events | admin=ar auditor=r monitor=ar worker=ar
    audit.seals | admin=ar auditor=r monitor=ar worker=ar
    audit.unsigned_seals | admin=dr auditor=r
    monitor.alert_acts | admin=r auditor=r monitor=ar
    monitor.alert_states | admin=r auditor=r monitor=r
    monitor.alerts | admin=r auditor=r monitor=ar
    monitor.drift | admin=r auditor=r monitor=r
    monitor.hourly_profiles | admin=r auditor=r monitor=adr
    monitor.hours | admin=r auditor=r monitor=adr
    monitor.latest_measurements | admin=r auditor=r monitor=r
    monitor.measurements | admin=r auditor=r monitor=ar
    monitor.open_alerts | admin=r auditor=r monitor=r
    monitor.reference_patches | admin=r auditor=r monitor=r
    monitor.reference_profiles | admin=r auditor=r monitor=r
    monitor.rolling_performance | admin=r auditor=r monitor=r
    monitor.runs | admin=r auditor=r monitor=ar
    monitor.webhook | admin=r auditor=r monitor=a(is_in_use)r
    monitor.webhook_deliveries | admin=r auditor=r monitor=drw(attempts,due_at,failure)
    monitor.webhook_deliveries_delivery_id_seq |
    review.agreement | admin=r auditor=r monitor=r reviewer=r
    review.automation_bias | admin=r auditor=r monitor=r reviewer=r
    review.claims | admin=r auditor=r monitor=r
    review.current_labels | admin=r auditor=r monitor=r reviewer=r
    review.disagreements | admin=r auditor=r monitor=r reviewer=r
    review.final_labels | admin=r auditor=r monitor=r reviewer=r
    review.label_history | admin=r auditor=r monitor=r reviewer=r
    review.labels | admin=r auditor=r monitor=r
    review.masked_final_labels |
    review.masked_labels |
    review.masked_predictions |
    review.masked_worklist |
    review.my_labels | reviewer=r
    review.overdue | admin=r auditor=r monitor=r reviewer=r
    review.overrules | admin=r auditor=r monitor=r reviewer=r
    review.policies | admin=r auditor=r monitor=r worker=r
    review.policy_rules | admin=r auditor=r monitor=r worker=r
    review.predictions | admin=r auditor=r monitor=r reviewer=r
    review.quarantine | admin=r auditor=r monitor=r
    review.readers | admin=r auditor=r monitor=r
    review.releases | admin=r auditor=r monitor=r
    review.reveals | admin=r auditor=r monitor=r
    review.worklist | admin=r auditor=r monitor=r reviewer=r
    review.worklist_items | admin=r auditor=r monitor=r
    sentinode.attempts | admin=r auditor=r monitor=r worker=adrw
    sentinode.control | admin=ar auditor=r monitor=r worker=r
    sentinode.golden_patches | admin=ar auditor=r monitor=r worker=r
    sentinode.model_versions | admin=ar auditor=r monitor=r reviewer=r(arithmetic,card,chosen,created_at,created_by,name,preprocessing,temperature,test_time_augmentation,threshold,training,uncertain_high,uncertain_low,version_sha256,weights_sha256) worker=r
    sentinode.models | admin=ar auditor=r monitor=r worker=r
    sentinode.outbox | admin=ar auditor=r monitor=ar worker=adrw
    sentinode.outbox_outbox_id_seq |
    sentinode.patch_images | admin=r auditor=r monitor=r worker=ar(image_sha256,keep_until)w(keep_until)
    sentinode.predictions | admin=r auditor=r monitor=r worker=ar
    sentinode.quarantine_decisions | admin=ar auditor=r monitor=r worker=r(decided_at,job_id,payload_sha256)
    sentinode.quarantine_repeats | admin=r auditor=r monitor=r worker=ar(job_id,payload_sha256,quarantined_at)
    sentinode.quarantined_messages | admin=r auditor=r monitor=r(explanation,headers,job_id,payload_sha256,payload_size,properties,quarantined_at,reason,received_at) worker=ar(job_id,payload_sha256,quarantined_at)
    sentinode.retirements | admin=ar auditor=r monitor=r worker=r
    sentinode.schema_migrations | admin=r auditor=r monitor=r reviewer=r worker=r
    sentinode.shadow_changes | admin=ar auditor=r monitor=r worker=r
    sentinode.shadow_predictions | admin=ar auditor=r monitor=r worker=ar
    """
