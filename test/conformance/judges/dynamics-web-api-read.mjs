// dynamics-web-api, the most used client of Dataverse's Web API, as its
// documentation says: reads, pages, counts, functions and errors.
import assert from "node:assert/strict";
import { check, rejection } from "./check.mjs";
import { control } from "./sandbox.mjs";
import { api, config, guid, ids, nobody, sandbox, token, total } from "./dynamics-web-api.mjs";

let first;
await check("retrieves several", async () => {
  const answer = await api.retrieveMultiple({ collection: "accounts", select: ["name", "revenue", "createdon"], top: 3, orderBy: ["name"] });
  assert.equal(answer.value.length, 3);
  first = answer.value[0];
  assert.match(first.accountid, guid);
  assert.match(first["@odata.etag"], /^W\/"\d+"$/);
  assert.ok(first.createdon instanceof Date, "a date in the form the client knows");
  assert.equal(answer.oDataContext, `${sandbox.environment}/api/data/v9.2/$metadata#accounts(name,revenue,createdon)`);
});

await check("retrieves one", async () => {
  const row = await api.retrieve({ collection: "accounts", key: first.accountid, select: ["name"] });
  assert.equal(row.name, first.name);
  assert.equal(row.accountid, first.accountid);
  assert.equal(row.oDataContext, `${sandbox.environment}/api/data/v9.2/$metadata#accounts(name)/$entity`);
});

await check("retrieves one with annotations and its owner", async () => {
  const row = await api.retrieve({
    collection: "accounts",
    key: first.accountid,
    select: ["name", "statecode", "_ownerid_value"],
    expand: [{ property: "owninguser", select: ["fullname"] }],
    includeAnnotations: "*",
  });
  assert.equal(row.statecode_Formatted, row.statecode === 0 ? "Active" : "Inactive");
  assert.equal(row._ownerid_value_LogicalName, "systemuser");
  assert.equal(row._ownerid_value_Formatted, row.owninguser.fullname);
});

await check("retrieves nothing that has not changed", async () => {
  const answer = await api.retrieve({ collection: "accounts", key: first.accountid, select: ["name"], ifnonematch: first["@odata.etag"] });
  assert.ok(answer == null, "304");
});

await check("follows pages", async () => {
  const request = { collection: "accounts", select: ["name"], maxPageSize: 20, count: true };
  const one = await api.retrieveMultiple(request);
  assert.equal(one.value.length, 20);
  assert.equal(one.oDataCount, total);
  const two = await api.retrieveMultiple(request, one.oDataNextLink);
  const three = await api.retrieveMultiple(request, two.oDataNextLink);
  assert.equal(three.value.length, total - 40);
  assert.equal(three.oDataNextLink, undefined);
  assert.equal(ids([...one.value, ...two.value, ...three.value]).size, total);
});

await check("retrieves all", async () => {
  const { value } = await api.retrieveAll({ collection: "accounts", select: ["name"], maxPageSize: 10 });
  assert.equal(ids(value).size, total);
});

await check("retrieves all in an order", async () => {
  const { value } = await api.retrieveAll({ collection: "accounts", select: ["name"], maxPageSize: 10, orderBy: ["createdon desc", "name asc"] });
  assert.equal(ids(value).size, total);
});

await check("filters", async () => {
  const name = first.name.replaceAll("'", "''");
  const { value } = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: `name eq '${name}' and accountid eq {${first.accountid}} and statecode ne 9` });
  assert.deepEqual(value.map((r) => r.accountid), [first.accountid]);
});

await check("counts", async () => {
  assert.equal(await api.count({ collection: "accounts" }), total);
  assert.equal(await api.count({ collection: "accounts", filter: `accountid eq ${first.accountid}` }), 1);
});

await check("counts by walking", async () => {
  assert.equal(await api.countAll({ collection: "accounts", select: ["name"] }), total);
});

await check("calls functions", async () => {
  const me = await api.callFunction("WhoAmI");
  assert.equal(me.OrganizationId, sandbox.organization);
  const counts = await api.callFunction({ name: "RetrieveTotalRecordCount", parameters: { EntityNames: ["account"] } });
  assert.deepEqual(counts.EntityRecordCountCollection, { Count: 1, IsReadOnly: false, Keys: ["account"], Values: [total] });
});

await check("knows collections by the names of their entities", async () => {
  const byName = api.initializeInstance({ ...config, useEntityNames: true });
  const { value } = await byName.retrieveMultiple({ collection: "account", select: ["name"], top: 2 });
  assert.equal(value.length, 2);
  assert.equal(byName.Utility.getCollectionName("opportunity"), "opportunities");
});

await check("tells errors", async () => {
  const missing = await rejection(api.retrieve({ collection: "accounts", key: nobody }));
  assert.equal(missing.status, 404);
  assert.equal(missing.code, "0x80040217");
  const unknown = await rejection(api.retrieveMultiple({ collection: "accounts", select: ["nosuchcolumn"] }));
  assert.equal(unknown.status, 400);
  assert.equal(unknown.message, "Could not find a property named 'nosuchcolumn' on type 'Microsoft.Dynamics.CRM.account'.");
  assert.ok(unknown.headers["x-ms-service-request-id"] || unknown.headers["req_id"]);
  const refused = await rejection(api.retrieveMultiple({ collection: "accounts", token: "wrong" }));
  assert.equal(refused.status, 401);
});

await check("is told to wait when it asks for too much", async () => {
  await control("PUT", "limits", { servers: 1, requests: 3, window: "5m" });
  const errors = [];
  for (let i = 0; i < 5; i++) {
    await api.retrieveMultiple({ collection: "accounts", select: ["name"], top: 1 }).catch((e) => errors.push(e));
  }
  await control("PUT", "limits", {});
  assert.equal(errors.length, 2);
  for (const error of errors) {
    assert.equal(error.status, 429);
    assert.equal(error.code, "0x80072322");
    assert.match(error.message, /^Number of requests exceeded the limit of 3/);
    assert.ok(Number(error.headers["retry-after"]) > 0);
  }
});
