-- What a client gives with a call, as JSON: variables for the agent's prompt, and data of its own. Text, so that the client gets its data
-- back as it spelled it. The previous release neither reads nor writes these columns.

set local lock_timeout = '5s';

alter table calls
    add column variables text collate "C",
    add column metadata text collate "C";
