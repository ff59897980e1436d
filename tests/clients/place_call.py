"""Places the example call of the document in the demo, with the client that openapi-python-client
makes of docs/openapi.yaml."""

import os

import httpx
from outdial_client import AuthenticatedClient
from outdial_client.api.calls import get_calls_call_id, get_calls_events, post_calls_ai_outbound
from outdial_client.models import (
    CallsErrorResponse,
    CallsGetCallResponse,
    CallsInitiateOutboundAiCallRequest as Request,
    CallsOutboundAiCallResponse,
)

client = AuthenticatedClient(base_url=os.environ["BASE_URL"], token=os.environ["TOKEN"])

example = Request(
    contact_id="64f0a1b2c3d4e5f6a7b8c9d0",
    agent_id="64f0a1b2c3d4e5f6a7b8cc00",
    from_number="+14165550100",
    call_reason="Follow up on insurance quote",
)
placed = post_calls_ai_outbound.sync(client=client, body=example)
assert isinstance(placed, CallsOutboundAiCallResponse), placed

empty = post_calls_ai_outbound.sync_detailed(client=client, body=Request())
assert empty.status_code == 400 and isinstance(empty.parsed, CallsErrorResponse), empty
assert empty.parsed.code == "CONTACT_OR_PHONE_REQUIRED", empty.parsed

wrong = post_calls_ai_outbound.sync(client=client, body=Request(contact_id=7))
assert isinstance(wrong, CallsErrorResponse), wrong
detail = wrong.error.details[0]
assert (detail.field, detail.message) == ("contactId", "must be a string"), wrong

# The stream does not end: the client reads until nothing comes for a second.
try:
    impatient = client.with_timeout(httpx.Timeout(1))
    get_calls_events.sync_detailed(client=impatient, last_event_id="0")
    raise AssertionError("the stream ended")
except httpx.ReadTimeout:
    pass

read = get_calls_call_id.sync(call_id=placed.call_id, client=client)
assert isinstance(read, CallsGetCallResponse), read
print(f"Python: placed {placed.call_id}, which is {read.call.status}")
