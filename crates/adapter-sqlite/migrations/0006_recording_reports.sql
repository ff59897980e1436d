-- What is known of a recording that is not stored: the provider has it and its event did not bring it, or it is larger than
-- the gateway stores. The previous release neither reads nor writes the column.
alter table calls add column recording_report text
    constraint calls_recording_report_check check (recording_report in ('at-provider', 'too-large'));
