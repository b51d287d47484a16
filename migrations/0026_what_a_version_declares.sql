-- What a model version was made for, and what it was developed on: the monitor counts patches outside the one, and shows
-- others beside the other.

set local role sentinode_owner;

alter table sentinode.model_versions
    add column mpp_low double precision, add column mpp_high double precision,
    add column stains text check (octet_length(stains) between 1 and 4000),
    add column development_profile text check (octet_length(development_profile) <= 65536),
    add constraint resolutions_are_a_range check (
        (mpp_low is null) = (mpp_high is null) and mpp_low > 0 and mpp_low <= mpp_high and mpp_high < 1000);
comment on column sentinode.model_versions.mpp_low is 'Made for patches of so many micrometres a pixel at least; NULL where that was not declared';
comment on column sentinode.model_versions.mpp_high is '... and at most';
comment on column sentinode.model_versions.stains is 'Made for these stains, as jobs name them, separated by commas; NULL where that was not declared';
comment on column sentinode.model_versions.development_profile is 'Histograms of the patches it was developed on, as JSON: shown beside local ones until an acceptance reference is frozen, and never alarmed on';
