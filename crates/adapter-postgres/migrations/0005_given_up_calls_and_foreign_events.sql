-- Calls that the gateway does not ask about any more.

set local lock_timeout = '5s';

alter table calls
    -- When and why the gateway gave the call up. `status_rank` stays, and a later report of the end still counts.
    add column given_up_at timestamptz,
    add column given_up_reason text,
    add constraint calls_given_up_check check ((given_up_at is null) = (given_up_reason is null))
        -- Every row has neither: do not read them all for that.
        not valid;
