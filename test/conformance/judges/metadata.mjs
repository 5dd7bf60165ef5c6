// @sap-ux/edmx-parser reads $metadata, and xml-js the inheritance that the
// former leaves out; what they find must fit what the Web API answers.
import assert from "node:assert/strict";
import { parse } from "@sap-ux/edmx-parser";
import xml from "xml-js";
import { check } from "./check.mjs";
import { sandbox, userToken } from "./sandbox.mjs";

const token = await userToken();
const get = (path, headers) => fetch(`${sandbox.environment}/api/data/v9.2/${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
const json = async (path) => {
  const answer = await get(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

const document = await get("$metadata");
const text = await document.text();
let model;
await check("is XML of the version the parser knows", () => {
  assert.match(document.headers.get("content-type"), /^application\/xml/);
  model = parse(text);
  assert.equal(model.version, "4.0");
  assert.equal(model.schema.namespace, "Microsoft.Dynamics.CRM");
  assert.equal(model.schema.entityContainer.name, "System");
});

// A type's name may be written with the namespace or with its alias.
const plain = (name) => name.replace(/^(mscrm|Microsoft\.Dynamics\.CRM)\./, "").replace(/^mscrm:/, "");
const types = new Map(model.schema.entityTypes.map((t) => [t.name, t]));
const parents = new Map();
(function walk(node) {
  if (node.name === "EntityType" && node.attributes.BaseType) parents.set(node.attributes.Name, plain(node.attributes.BaseType));
  for (const child of node.elements ?? []) walk(child);
})(xml.xml2js(text));

// chain returns the type and what it inherits from.
const chain = (name) => (name ? [types.get(name), ...chain(parents.get(name))] : []);
const properties = (name) => new Map(chain(name).flatMap((t) => t.entityProperties.map((p) => [p.name, p.type])));
const sets = model.schema.entitySets.map((s) => [s.name, plain(s.entityTypeName)]);

await check("has the sets of the service document", async () => {
  const { value } = await json("");
  assert.deepEqual(new Set(value.map((s) => s.url)), new Set(sets.map(([name]) => name)));
});

await check("ends every line of inheritance in a type that is there", () => {
  for (const name of types.keys()) assert.ok(chain(name).every(Boolean), `${name}: ${[name, parents.get(name)]}`);
  assert.deepEqual(chain("systemuser").map((t) => t.name), ["systemuser", "principal", "crmbaseentity"]);
  assert.deepEqual(chain("account").map((t) => t.name), ["account", "crmbaseentity"]);
  assert.deepEqual(chain("task").map((t) => t.name), ["task", "activitypointer", "crmbaseentity"]);
  assert.ok(!types.get("task").entityProperties.some((p) => p.name === "subject") && properties("task").has("subject"));
});

await check("gives every set a type with one key", () => {
  for (const [set, name] of sets) assert.equal(chain(name).flatMap((t) => t.keys).length, 1, set);
});

await check("leads every navigation property to a type that is there", () => {
  for (const [name, type] of types) {
    for (const n of type.navigationProperties) assert.ok(types.has(plain(n.targetTypeName)), `${name}/${n.name}: ${n.targetTypeName}`);
  }
});

const fits = {
  "Edm.Guid": (v) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(v),
  "Edm.String": (v) => typeof v === "string",
  "Edm.Boolean": (v) => typeof v === "boolean",
  "Edm.Int32": (v) => Number.isInteger(v) && Math.abs(v) <= 2 ** 31,
  "Edm.Int64": (v) => Number.isInteger(v),
  "Edm.Decimal": (v) => typeof v === "number",
  "Edm.Double": (v) => typeof v === "number",
  "Edm.Date": (v) => /^\d{4}-\d\d-\d\d$/.test(v),
  "Edm.DateTimeOffset": (v) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(v),
};

for (const [set, name] of sets) {
  const own = properties(name);

  await check(`${set}: lets every property be selected`, async () => {
    const answer = await get(`${set}?$top=1&$select=${[...own.keys()].join(",")}`);
    assert.equal(answer.status, 200, await answer.text());
  });

  await check(`${set}: describes every member of a row, by its type`, async () => {
    for (const row of (await json(`${set}?$top=3`)).value) {
      for (const [member, value] of Object.entries(row)) {
        if (member.includes("@")) continue;
        assert.ok(own.has(member), member);
        if (value !== null) assert.ok(fits[own.get(member)]?.(value), `${member} = ${JSON.stringify(value)} is no ${own.get(member)}`);
      }
    }
  });

  await check(`${set}: expands every lookup`, async () => {
    const lookups = chain(name).flatMap((t) => t.navigationProperties.filter((n) => !n.isCollection));
    for (const n of lookups) {
      const [constraint] = n.referentialConstraint;
      assert.ok(own.has(constraint.sourceProperty), constraint.sourceProperty);
      await json(`${set}?$top=1&$select=${constraint.sourceProperty}&$expand=${n.name}($select=${constraint.targetProperty})`);
    }
  });
}
