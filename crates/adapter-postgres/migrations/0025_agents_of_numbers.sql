-- The agent that answers calls to a number, if AI calls from it were enabled with one. The previous release does not know it.

set local lock_timeout = '5s';

alter table caller_numbers add column ai_agent_id text collate "C";
