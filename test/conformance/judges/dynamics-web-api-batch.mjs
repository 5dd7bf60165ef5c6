// dynamics-web-api, the most used client of Dataverse's Web API, as its
// documentation says: reads and change sets in one request.
import assert from "node:assert/strict";
import { check, rejection } from "./check.mjs";
import { api, guid, nobody, sandbox, some, total } from "./dynamics-web-api.mjs";

await check("batches reads", async () => {
  api.startBatch();
  api.retrieveMultiple({ collection: "accounts", select: ["name"], top: 2 });
  api.count({ collection: "accounts" });
  api.callFunction("WhoAmI");
  const [accounts, count, me] = await api.executeBatch();
  assert.equal(accounts.value.length, 2);
  assert.equal(count, total);
  assert.equal(me.OrganizationId, sandbox.organization);
});

await check("batches a change set with references inside", async () => {
  api.startBatch();
  api.create({ collection: "accounts", data: { name: "Of a change set" }, contentId: "1" });
  api.create({ collection: "contacts", data: { lastname: "Within", "parentcustomerid_account@odata.bind": "$1" }, contentId: "2" });
  const [account, contact] = await api.executeBatch();
  assert.match(account, guid);
  const row = await api.retrieve({ collection: "contacts", key: contact, select: ["_parentcustomerid_value"] });
  assert.equal(row._parentcustomerid_value, account);
  await api.deleteRecord({ collection: "contacts", key: contact });
  await api.deleteRecord({ collection: "accounts", key: account });
});

await check("undoes a change set that fails", async () => {
  api.startBatch();
  api.create({ collection: "accounts", data: { name: "Half of a change set" }, contentId: "1" });
  api.update({ collection: "accounts", key: nobody, data: { name: "x" }, contentId: "2" });
  const error = await rejection(api.executeBatch());
  assert.equal((Array.isArray(error) ? error[0] : error).status, 404);
  assert.equal(await api.count({ collection: "accounts", filter: "name eq 'Half of a change set'" }), 0);
});

await check("goes on after an error when asked", async () => {
  api.startBatch();
  api.retrieve({ collection: "accounts", key: nobody });
  api.create({ collection: "accounts", data: { name: "After an error" }, inChangeSet: false });
  const [error, made] = await api.executeBatch({ continueOnError: true });
  assert.equal(error.status, 404);
  assert.equal(error.error?.code ?? error.code, "0x80040217");
  assert.match(made, guid);
  await api.deleteRecord({ collection: "accounts", key: made });
});

await check("filters by a query too long for an address", async () => {
  const { accountid } = await some();
  const many = Array.from({ length: 80 }, (_, i) => `accountnumber eq 'no such account number ${i}'`);
  const { value } = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: [...many, `accountid eq ${accountid}`].join(" or ") });
  assert.deepEqual(value.map((r) => r.accountid), [accountid]);
});
