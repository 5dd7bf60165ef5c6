// dynamics-web-api, the most used client of Dataverse's Web API, as its
// documentation says: entities, attributes, option sets and relationships.
import assert from "node:assert/strict";
import { check } from "./check.mjs";
import { api, guid } from "./dynamics-web-api.mjs";

await check("retrieves entities", async () => {
  const { value } = await api.retrieveEntities({ select: ["LogicalName", "EntitySetName"], filter: "OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'" });
  const account = value.find((e) => e.LogicalName === "account");
  assert.equal(account.EntitySetName, "accounts");
  assert.match(account.MetadataId, guid);
  assert.ok(!value.some((e) => e.LogicalName === "systemuser"));
});

let entity;
await check("retrieves an entity with its attributes", async () => {
  entity = await api.retrieveEntity({
    key: "LogicalName='account'",
    select: ["LogicalName", "PrimaryNameAttribute", "DisplayName"],
    expand: [{ property: "Attributes", select: ["LogicalName", "AttributeTypeName"], filter: "AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist'" }],
  });
  assert.equal(entity.PrimaryNameAttribute, "name");
  assert.equal(entity.DisplayName.UserLocalizedLabel.Label, "Account");
  assert.ok(entity.Attributes.length > 3);
  assert.ok(entity.Attributes.every((a) => a.AttributeTypeName.Value === "PicklistType"));
});

await check("retrieves attributes", async () => {
  const { value } = await api.retrieveAttributes({ entityKey: "LogicalName='account'", select: ["LogicalName"], filter: "IsValidForRead eq true" });
  const key = value.find((a) => a.LogicalName === "accountid");
  assert.equal(key["@odata.type"], undefined, "an item of the base type");
  assert.equal(value.find((a) => a.LogicalName === "name")["@odata.type"], "#Microsoft.Dynamics.CRM.StringAttributeMetadata");
});

await check("retrieves attributes of one type, and one attribute", async () => {
  const castType = "Microsoft.Dynamics.CRM.LookupAttributeMetadata";
  const { value } = await api.retrieveAttributes({ entityKey: entity.MetadataId, castType, select: ["LogicalName", "Targets"] });
  assert.deepEqual(value.find((a) => a.LogicalName === "ownerid").Targets, ["systemuser", "team"]);
  const name = await api.retrieveAttribute({
    entityKey: "LogicalName='account'",
    attributeKey: "LogicalName='name'",
    castType: "Microsoft.Dynamics.CRM.StringAttributeMetadata",
    select: ["LogicalName", "MaxLength"],
  });
  assert.equal(name.MaxLength, 160);
});

await check("retrieves option sets", async () => {
  const { value } = await api.retrieveAttributes({
    entityKey: "LogicalName='account'",
    castType: "Microsoft.Dynamics.CRM.StateAttributeMetadata",
    select: ["LogicalName"],
    expand: [{ property: "OptionSet", select: ["Options"] }],
  });
  assert.deepEqual(value.map((a) => a.LogicalName), ["statecode"]);
  assert.deepEqual(value[0].OptionSet.Options.map((o) => [o.Value, o.Label.UserLocalizedLabel.Label]), [[0, "Active"], [1, "Inactive"]]);
});

await check("retrieves global option sets", async () => {
  const { value } = await api.retrieveGlobalOptionSets({ select: ["Name"] });
  assert.ok(value.length > 0);
  const one = await api.retrieveGlobalOptionSet({ key: `Name='${value[0].Name}'`, castType: "Microsoft.Dynamics.CRM.OptionSetMetadata", select: ["Name", "Options"] });
  assert.equal(one.Name, value[0].Name);
  assert.ok(Array.isArray(one.Options));
});

await check("retrieves the metadata document", async () => {
  const text = await api.retrieveCsdlMetadata({ addAnnotations: true });
  assert.match(text, /<EntityType Name="account" BaseType="mscrm:crmbaseentity"/);
});
