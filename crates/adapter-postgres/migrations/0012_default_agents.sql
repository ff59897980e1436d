-- The default agent of an organization is the first row of this index. Without it, the statement that resolves a call has to sort the
-- agents of the organization, and the server expects that to cost so much that it plans the statement again for each call.

set local lock_timeout = '5s';

create index agents_default_idx on agents (organization_id, (provider_agent_id is null), seq) where voice_enabled;
