// dynamics-web-api, the most used client of Dataverse's Web API, as its
// documentation says: FetchXML, its paging cookie and aggregates.
import assert from "node:assert/strict";
import { check } from "./check.mjs";
import { api, ids, some, total } from "./dynamics-web-api.mjs";

const first = await some();

const annotations = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords";

await check("fetches", async () => {
  const { value } = await api.fetch({
    collection: "accounts",
    fetchXml: `<fetch><entity name="account"><attribute name="name"/><filter><condition attribute="accountid" operator="eq" value="${first.accountid}"/></filter></entity></fetch>`,
  });
  assert.deepEqual(value.map((r) => [r.accountid, r.name]), [[first.accountid, first.name]]);
});

await check("fetches page after page", async () => {
  const fetchXml = '<fetch count="25"><entity name="account"><attribute name="name"/><order attribute="name"/></entity></fetch>';
  const one = await api.fetch({ collection: "accounts", fetchXml, includeAnnotations: annotations });
  assert.equal(one.value.length, 25);
  assert.equal(one.PagingInfo.page, 1);
  assert.equal(one.PagingInfo.nextPage, 2);
  const two = await api.fetch({ collection: "accounts", fetchXml, includeAnnotations: annotations, pageNumber: 2, pagingCookie: one.PagingInfo.cookie });
  assert.equal(ids([...one.value, ...two.value]).size, 50);
  assert.ok(one.value.at(-1).name <= two.value[0].name || one.value.at(-1).name.localeCompare(two.value[0].name) <= 0);
});

await check("fetches all", async () => {
  const fetchXml = '<fetch count="10"><entity name="account"><attribute name="accountid"/><attribute name="name"/></entity></fetch>';
  const { value } = await api.fetchAll({ collection: "accounts", fetchXml, includeAnnotations: annotations });
  assert.equal(ids(value).size, total);
});

// Not by name: a cookie with &amp; in it does not survive this client.
await check("fetches all in an order", async () => {
  const fetchXml = '<fetch count="10"><entity name="account"><attribute name="name"/><order attribute="address1_city" descending="true"/><order attribute="createdon"/></entity></fetch>';
  const { value } = await api.fetchAll({ collection: "accounts", fetchXml, includeAnnotations: annotations });
  assert.equal(ids(value).size, total);
});

await check("fetches an aggregate", async () => {
  const { value } = await api.fetch({
    collection: "accounts",
    fetchXml: '<fetch aggregate="true"><entity name="account"><attribute name="accountid" alias="rows" aggregate="count"/></entity></fetch>',
  });
  assert.deepEqual(value.map((r) => r.rows), [total]);
});

await check("fetches linked columns", async () => {
  const { value } = await api.fetch({
    collection: "accounts",
    fetchXml:
      '<fetch top="5"><entity name="account"><attribute name="name"/><link-entity name="systemuser" from="systemuserid" to="owninguser" alias="user"><attribute name="fullname"/></link-entity></entity></fetch>',
  });
  assert.equal(value.length, 5);
  for (const row of value) assert.equal(typeof row["user.fullname"], "string");
});
