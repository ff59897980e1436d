-- The agent that answers calls to a number, if AI calls from it were enabled with one.
alter table caller_numbers add column ai_agent_id text;
