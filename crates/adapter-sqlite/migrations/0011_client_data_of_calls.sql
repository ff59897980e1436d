-- What a client gives with a call, as JSON: variables for the agent's prompt, and data of its own. The previous release neither reads nor
-- writes these columns.

alter table calls add column variables text;
alter table calls add column metadata text;
