-- The peer's table: what it stores of the product's columns, the same key and the same indexes, no audit trail.
create schema peer;
create table peer.predictions (
    job_id uuid primary key,
    slide_id text,
    x bigint,
    y bigint,
    image_sha256 bytea not null,
    log_p_normal real not null,
    log_p_tumor real not null,
    p_tumor real not null,
    decision text not null,
    received_at timestamptz not null,
    predicted_at timestamptz not null
);
create index on peer.predictions (slide_id, y, x);
create index on peer.predictions (predicted_at);
create table peer.single_row (at timestamptz not null);
