-- What each row satisfies. The schema has no check constraints on these tables, because Postgres parses them in every statement that
-- writes. The tests have them.

alter table calls
    add constraint calls_state_check check (state in ('dialling', 'placed', 'not-connected', 'not-dialled', 'unknown')),
    add constraint calls_settled_at_check check ((state = 'dialling') = (settled_at is null)),
    add constraint calls_outcome_detail_check check (state <> 'not-connected' or outcome_detail is not null),
    add constraint calls_status_rank_check check (status_rank between 0 and 7),
    add constraint calls_failure_check check ((failure_reason is null) = (failed_at is null)),
    add constraint calls_recording_check
        check (num_nulls(recording_key, recording_format, recording_size, recorded_at) in (0, 4)),
    add constraint calls_recording_report_check check (recording_report in ('at-provider', 'too-large')),
    add constraint calls_given_up_check check ((given_up_at is null) = (given_up_reason is null));

alter table call_events
    add constraint call_events_status_rank_check check (status_rank between 0 and 7),
    add constraint call_events_position_check check (position > 0);
