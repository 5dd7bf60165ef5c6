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

await check("retrieves relationships of many to many", async () => {
  const castType = "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata";
  const { value } = await api.retrieveRelationships({ castType, select: ["SchemaName", "Entity1LogicalName", "Entity2LogicalName", "IntersectEntityName"] });
  assert.ok(value.length > 0);
  assert.ok(value.every((r) => r.Entity1LogicalName && r.Entity2LogicalName && r.IntersectEntityName));
});

await check("retrieves the relationships and keys of an entity", async () => {
  const entity = await api.retrieveEntity({
    key: "LogicalName='contact'",
    select: ["LogicalName"],
    expand: [
      { property: "ManyToOneRelationships", select: ["ReferencedEntity", "ReferencingAttribute", "ReferencingEntityNavigationPropertyName"] },
      { property: "Keys", select: ["LogicalName", "KeyAttributes"] },
    ],
  });
  const parent = entity.ManyToOneRelationships.filter((r) => r.ReferencingAttribute === "parentcustomerid");
  assert.deepEqual(new Map(parent.map((r) => [r.ReferencedEntity, r.ReferencingEntityNavigationPropertyName])), new Map([["account", "parentcustomerid_account"], ["contact", "parentcustomerid_contact"]]));
  assert.ok(Array.isArray(entity.Keys));
});
