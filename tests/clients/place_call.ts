// Places the example call of the document in the demo, with the client that openapi-typescript and
// openapi-fetch make of docs/openapi.yaml.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const client = createClient<paths>({
  baseUrl: process.env.BASE_URL,
  headers: { authorization: `Bearer ${process.env.TOKEN}` },
});
const PATH = "/api/calls/ai/outbound";
const example: components["schemas"]["CallsInitiateOutboundAiCallRequest"] = {
  contactId: "64f0a1b2c3d4e5f6a7b8c9d0",
  agentId: "64f0a1b2c3d4e5f6a7b8cc00",
  fromNumber: "+14165550100",
  callReason: "Follow up on insurance quote",
};

const placed = await client.POST(PATH, { body: example });
assert.ok(placed.data, JSON.stringify(placed.error));
const callId: string = placed.data.callId;

const empty = await client.POST(PATH, { body: {} });
assert.equal(empty.response.status, 400);
assert.equal(empty.error?.code, "CONTACT_OR_PHONE_REQUIRED");
// @ts-expect-error: a number is no contact.
const wrong = await client.POST(PATH, { body: { contactId: 7 } });
assert.equal(wrong.response.status, 400);
const reported = wrong.error?.error;
assert.ok(typeof reported === "object");
const detail: components["schemas"]["CallsErrorDetail"] | undefined = reported.details[0];
assert.deepEqual(detail, { field: "contactId", message: "must be a string" });

const read = await client.GET("/api/calls/{callId}", { params: { path: { callId } } });
const status: components["schemas"]["CallStatus"] | undefined = read.data?.call.status;
assert.ok(status, JSON.stringify(read.error));

const stop = new AbortController();
const events = await client.GET("/api/calls/events", {
  params: { header: { "Last-Event-ID": "0" } },
  parseAs: "stream",
  signal: stop.signal,
});
assert.equal(events.response.status, 200);
const reader = (events.data as ReadableStream<Uint8Array>).getReader();
let text = "";
while (!text.includes("event: call_initiated")) {
  const { done, value } = await reader.read();
  assert.ok(!done, "the stream ended before the event");
  text += new TextDecoder().decode(value);
}
stop.abort();
console.log(`TypeScript: placed ${callId}, which is ${status}`);
