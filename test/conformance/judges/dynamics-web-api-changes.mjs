// dynamics-web-api, the most used client of Dataverse's Web API, as its
// documentation says: a tracked walk and its delta links.
import assert from "node:assert/strict";
import { check, rejection } from "./check.mjs";
import { control, userToken } from "./sandbox.mjs";
import { api, ids, sandbox, some, total } from "./dynamics-web-api.mjs";

const first = await some();

await check("tracks changes", async () => {
  const request = { collection: "accounts", select: ["name"], trackChanges: true, maxPageSize: 20 };
  const start = await api.retrieveAll(request);
  assert.equal(ids(start.value).size, total);
  const link = start.oDataDeltaLink;
  assert.ok(link.startsWith(`${sandbox.environment}/api/data/v9.2/accounts?$select=name&$deltatoken=`), link);

  const nothing = await api.retrieveMultiple(request, link);
  assert.deepEqual(nothing.value, []);
  assert.ok(nothing.oDataDeltaLink);

  const made = await api.create({ collection: "accounts", data: { name: "Tracked" } });
  await api.update({ collection: "accounts", key: first.accountid, data: { telephone1: "+1 555 0100" } });
  const changed = await api.retrieveMultiple(request, link);
  assert.deepEqual(ids(changed.value), new Set([made, first.accountid]));
  assert.deepEqual(changed.value.map((r) => r.name).sort(), ["Tracked", first.name].sort());

  await api.deleteRecord({ collection: "accounts", key: made });
  const { value } = await api.retrieveMultiple(request, changed.oDataDeltaLink);
  assert.deepEqual(value.map((r) => [r.id, r.reason]), [[made, "deleted"]]);
  assert.match(value[0].oDataContext, /\$metadata#accounts\/\$deletedEntity$/);
});

await check("does not track changes through a filter", async () => {
  const error = await rejection(api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "statecode eq 0", trackChanges: true }));
  assert.equal(error.status, 400);
  assert.equal(error.message, 'The "$filter" query parameter isn\'t supported when Change Tracking is enabled.');
});

await check("has to start again when the changes lie too far back", async () => {
  const { oDataDeltaLink: link } = await api.retrieveAll({ collection: "accounts", select: ["name"], trackChanges: true });
  await control("POST", "clock", { advance: "192h" }); // eight days
  const error = await rejection(api.retrieveMultiple({ collection: "accounts", token: await userToken() }, link));
  assert.equal(error.code, "0x80044352");
  assert.equal(error.message, "Version stamp associated with the client has expired. Please perform a full sync.");
});
