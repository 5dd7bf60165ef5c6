// odata-v4-parser, made from the grammar in OData's specification, reads every
// $filter that Crosswalk sends, in the form in which it goes over the wire.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { filter } from "odata-v4-parser";
import { check } from "./check.mjs";

for (const text of JSON.parse(readFileSync(process.env.FILTERS, "utf8"))) {
  await check(decodeURIComponent(text), () => {
    const token = filter(text);
    assert.equal(token.raw, text);
  });
}

await check("an error is noticed", () => {
  assert.throws(() => filter("name%20equals%20%27a%27"));
  assert.throws(() => filter("name%20eq%20%27O%27Neil%27"));
});
