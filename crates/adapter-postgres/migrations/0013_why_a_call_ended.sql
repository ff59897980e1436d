-- Why a call ended, in the provider's codes. The provider's free text is not kept: it may quote a phone number. The previous release
-- neither reads nor writes these columns.

set local lock_timeout = '5s';

alter table calls
    -- Of the failure in failure_reason.
    add column failure_code text collate "C",
    add column failure_carrier_status smallint,
    -- Of a dial that did not connect the callee. The code of a dial that was refused is in outcome_detail.
    add column dial_code text collate "C";

-- Why the call ended, in the event of its end.
alter table call_events add column end_reason text collate "C";
