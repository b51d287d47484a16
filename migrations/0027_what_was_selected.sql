-- The monitor looks at what was selected in a time, which is little of all that was stored in it.

set local role sentinode_owner;

create index predictions_selected_by_storing on sentinode.predictions (coalesce(stored_at, predicted_at))
    where review_reason is not null;
-- So that the index is used at once.
analyze sentinode.predictions;
