-- The accounts that organizations have of their own at the vendors, and the organization whose own secret verified a provider event. The
-- previous release neither reads nor writes any of it.

create table vendor_credentials (
    organization_id text not null,
    -- A JSON object. Its secrets are sealed with a key that the file does not have.
    document text not null,
    revision integer not null,
    changed_at integer not null,
    -- The user. Null: the operator.
    changed_by text,
    constraint vendor_credentials_pkey primary key (organization_id),
    constraint vendor_credentials_organization_id_fkey foreign key (organization_id) references organizations (id)
) strict;

-- Null: a secret of the gateway verified the event, which may be about every call.
alter table provider_events add column organization_id text;
