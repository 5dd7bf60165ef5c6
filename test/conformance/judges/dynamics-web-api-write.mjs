// dynamics-web-api, the most used client of Dataverse's Web API, as its
// documentation says: rows made, changed and deleted, with etags.
import assert from "node:assert/strict";
import { check, rejection } from "./check.mjs";
import { api, guid, nobody, some } from "./dynamics-web-api.mjs";

const first = await some();

let id;
await check("creates", async () => {
  id = await api.create({ collection: "accounts", data: { name: "Judged & found", revenue: 1234.5, numberofemployees: 7, "parentaccountid@odata.bind": `/accounts(${first.accountid})` } });
  assert.match(id, guid);
  const row = await api.retrieve({ collection: "accounts", key: id, select: ["name", "revenue", "numberofemployees", "_parentaccountid_value", "statecode"] });
  assert.equal(row.name, "Judged & found");
  assert.equal(row.revenue, 1234.5);
  assert.equal(row.numberofemployees, 7);
  assert.equal(row._parentaccountid_value, first.accountid);
  assert.equal(row.statecode, 0);
});

let etag;
await check("creates and returns", async () => {
  const row = await api.create({ collection: "contacts", data: { lastname: "Ødegård" }, returnRepresentation: true, select: ["lastname", "fullname"] });
  assert.match(row.contactid, guid);
  assert.equal(row.lastname, "Ødegård");
  etag = row["@odata.etag"];
  assert.match(etag, /^W\/"\d+"$/);
});

await check("updates", async () => {
  assert.equal(await api.update({ collection: "accounts", key: id, data: { name: "Judged again" } }), true);
  const row = await api.update({ collection: "accounts", key: id, data: { fax: "1" }, returnRepresentation: true, select: ["name", "fax"] });
  assert.equal(row.name, "Judged again");
  assert.equal(row.fax, "1");
  assert.equal((await rejection(api.update({ collection: "accounts", key: nobody, data: { fax: "2" } }))).status, 404);
});

await check("updates a single value", async () => {
  await api.updateSingleProperty({ collection: "accounts", key: id, fieldValuePair: { telephone1: "+1 555" } });
  assert.equal((await api.retrieve({ collection: "accounts", key: id, select: ["telephone1"] })).telephone1, "+1 555");
});

await check("updates only what has not changed", async () => {
  const before = await api.retrieve({ collection: "accounts", key: id, select: ["name"] });
  assert.equal(await api.update({ collection: "accounts", key: id, data: { name: "Once" }, ifmatch: before["@odata.etag"] }), true);
  assert.equal(await api.update({ collection: "accounts", key: id, data: { name: "Twice" }, ifmatch: before["@odata.etag"] }), false, "412");
  const after = await api.retrieve({ collection: "accounts", key: id, select: ["name"] });
  assert.equal(after.name, "Once");
  assert.notEqual(after["@odata.etag"], before["@odata.etag"]);
});

await check("upserts", async () => {
  const key = "7d577253-3ef0-4a0a-bb7f-8335c2596e70";
  assert.equal(await api.upsert({ collection: "accounts", key, data: { name: "Neither" }, ifmatch: "*" }), null, "404: not to be created");
  assert.equal(await api.upsert({ collection: "accounts", key, data: { name: "Made" } }), key);
  assert.equal(await api.upsert({ collection: "accounts", key, data: { name: "Changed" }, ifnonematch: "*" }), null, "412: not to be updated");
  assert.equal((await api.retrieve({ collection: "accounts", key, select: ["name"] })).name, "Made");
  await api.upsert({ collection: "accounts", key, data: { name: "Changed" } });
  assert.equal((await api.retrieve({ collection: "accounts", key, select: ["name"] })).name, "Changed");
  await api.deleteRecord({ collection: "accounts", key });
});

await check("associates and disassociates a lookup", async () => {
  const lookup = async () => (await api.retrieve({ collection: "accounts", key: id, select: ["_parentaccountid_value"] }))._parentaccountid_value;
  await api.disassociateSingleValued({ collection: "accounts", primaryKey: id, navigationProperty: "parentaccountid" });
  assert.equal(await lookup(), null);
  await api.associateSingleValued({ collection: "accounts", primaryKey: id, navigationProperty: "parentaccountid", relatedCollection: "accounts", relatedKey: first.accountid });
  assert.equal(await lookup(), first.accountid);
});

await check("deletes", async () => {
  const before = await api.retrieve({ collection: "accounts", key: id, select: ["name"] });
  await api.update({ collection: "accounts", key: id, data: { name: "Newer" } });
  assert.equal(await api.deleteRecord({ collection: "accounts", key: id, ifmatch: before["@odata.etag"] }), false, "412");
  await api.deleteRecord({ collection: "accounts", key: id, property: "name" });
  assert.equal((await api.retrieve({ collection: "accounts", key: id, select: ["name"] })).name, null);
  await api.deleteRecord({ collection: "accounts", key: id });
  assert.equal((await rejection(api.retrieve({ collection: "accounts", key: id }))).status, 404);
});

await check("refuses what a row cannot hold", async () => {
  const unknown = await rejection(api.create({ collection: "accounts", data: { nosuchcolumn: 1 } }));
  assert.equal(unknown.status, 400);
  assert.match(unknown.message, /nosuchcolumn/);
  assert.equal((await rejection(api.create({ collection: "accounts", data: { name: 5 } }))).status, 400);
  assert.equal((await rejection(api.create({ collection: "accounts", data: { name: "x".repeat(161) } }))).status, 400);
});
