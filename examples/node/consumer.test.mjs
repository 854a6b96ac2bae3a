import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { synchronise } from "./consumer.mjs";

const { OAMP_CONTROL = "https://localhost:8111/__admin" } = process.env;
const SYNCHRONIZE = { method: "POST", urlPath: "/cvp-config/command/synchronize" };

async function control(method, path, body) {
  const result = await fetch(`${OAMP_CONTROL}/${path}`, { method, body: body && JSON.stringify(body) });
  assert.ok(result.ok, `${method} ${path}: ${result.status} ${await result.clone().text()}`);
  return result.json();
}

async function count(more = {}) {
  return (await control("POST", "requests/count", { ...SYNCHRONIZE, ...more })).count;
}

beforeEach(() => control("POST", "reset"));

test("a full sync-up of each server starts", async () => {
  assert.equal(await synchronise(["media-1", "vxml-1"]), 202);
  const parameters = { refURL: "vxml-1", sincetime: 0, status: 202 };
  assert.equal(await count({ customMatcher: { name: "mockcvp", parameters } }), 1);
  assert.equal(await count({ bodyPatterns: [{ matchesJsonPath: "$..server[?(@.refURL == 'media-1')]" }] }), 1);
});

test("a busy server gets a second request", async () => {
  const transformerParameters = { errorType: "processing.throttled", times: 1 };
  const response = { status: 503, transformers: ["mockcvp"], transformerParameters };
  await control("POST", "mappings", { request: SYNCHRONIZE, response });
  assert.equal(await synchronise(["media-1"]), 202);
  assert.equal(await count(), 2);
});
