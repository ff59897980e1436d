-- What is known of a recording that is not stored: the provider has it and its event did not bring it, or it is larger than
-- the gateway stores. The previous release neither reads nor writes the column.

set local lock_timeout = '5s';

alter table calls
    add column recording_report text collate "C",
    add constraint calls_recording_report_check check (recording_report in ('at-provider', 'too-large'))
        -- Every existing row has none. The rows are not read for the check, because no call can be booked meanwhile.
        not valid;
