import assert from "node:assert/strict";
import { test } from "node:test";

import { greeting } from "../src/greeting.js";

test("the greeting names the path", () => {
  assert.equal(greeting("/there"), "Hello from /there\n");
});
