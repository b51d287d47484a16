-- What an erasure leaves of a row is held by a digest of its own: without its salt the row's leaf cannot be computed again.

set local role sentinode_owner;

alter table audit.erased_rows add column remainder bytea check (octet_length(remainder) = 32);
comment on column audit.erased_rows.remainder is 'Digest of the row as the erasure left it, so that nobody can change the columns that stayed';
