import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { absoluteLinks } from "../../../tasks/pack/links.ts";

const options = { repository: "https://example.com/repo", revision: "v1" };

describe("absoluteLinks()", () => {
  const cases: Record<string, string> = {
    "[a](docs/a.md)": "[a](https://example.com/repo/blob/v1/docs/a.md)",
    "[a](./docs/a.md#part)": "[a](https://example.com/repo/blob/v1/docs/a.md#part)",
    "![a\nb](docs/a.png)": "![a\nb](https://example.com/repo/raw/v1/docs/a.png)",
    "[a](#part), [b](https://other.example/), [c](mailto:a@b.c)":
      "[a](#part), [b](https://other.example/), [c](mailto:a@b.c)",
    "`f(x)` and [a](b.md) and [c](d.md)":
      "`f(x)` and [a](https://example.com/repo/blob/v1/b.md) and [c](https://example.com/repo/blob/v1/d.md)",
  };
  for (const [markdown, expected] of Object.entries(cases)) {
    it(`rewrites ${JSON.stringify(markdown)}`, () => {
      assertEquals(absoluteLinks(markdown, options), expected);
    });
  }
});
