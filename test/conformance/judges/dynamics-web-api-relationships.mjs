// dynamics-web-api, the most used client of Dataverse's Web API, as its
// documentation says: relationships of all kinds.
import assert from "node:assert/strict";
import { check } from "./check.mjs";
import { api } from "./dynamics-web-api.mjs";

await check("retrieves relationships", async () => {
  const castType = "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata";
  const { value } = await api.retrieveRelationships({ castType, select: ["SchemaName", "ReferencedEntity", "ReferencingAttribute"], filter: "ReferencedEntity eq 'account'" });
  assert.ok(value.length > 0);
  assert.ok(value.every((r) => r.ReferencedEntity === "account"));
  const one = await api.retrieveRelationship({ key: value[0].MetadataId, castType, select: ["SchemaName"] });
  assert.equal(one.SchemaName, value[0].SchemaName);
});
