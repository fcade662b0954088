import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { processEnvironment, processFiles } from "../../../backends/aws/environment.ts";

/** Calls a function while these globals are others. */
function on<T>(globals: Record<string, unknown>, call: () => T): T {
  const before = Object.keys(globals).map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  );
  try {
    for (const [name, value] of Object.entries(globals)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    return call();
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else Reflect.deleteProperty(globalThis, name);
    }
  }
}

const NODE_FILES = { readFile: (path: string, as: string) => Promise.resolve(`${as} of ${path}`) };
const node = {
  env: { A: "a", EMPTY: "" },
  getBuiltinModule: (name: string) => name === "node:fs/promises" ? NODE_FILES : undefined,
};
const deno = {
  env: {
    get(name: string) {
      if (name === "SECRET") throw new Error("NotCapable");
      return node.env[name as keyof typeof node.env];
    },
  },
  readTextFile: (path: string) => Promise.resolve(`text of ${path}`),
};
const userAgent = (userAgent: string) => ({ userAgent });

describe("processFiles()", () => {
  const none: [runtime: string, globals: Record<string, unknown>][] = [
    ["a browser", { Deno: undefined, process: undefined }],
    ["a bundle with a stand-in for process", { Deno: undefined, process: { env: {} } }],
    ["workerd with Node's modules", {
      Deno: undefined,
      process: node,
      navigator: userAgent("Cloudflare-Workers"),
    }],
    ["a process without files", { Deno: undefined, process: { getBuiltinModule() {} } }],
  ];
  for (const [runtime, globals] of none) {
    it(`is none in ${runtime}`, () => assertStrictEquals(on(globals, processFiles), undefined));
  }

  it("reads text on Node.js and Deno", async () => {
    const nodes = on({ Deno: undefined, process: node, navigator: undefined }, processFiles);
    assertEquals(await nodes?.("/a"), "utf8 of /a");
    const denos = on({ Deno: deno, process: node }, processFiles);
    assertEquals(await denos?.("/a"), "text of /a");
  });

  it("reads what is there on this runtime, if it is a server", async () => {
    const isEdge = globalThis.navigator?.userAgent === "Cloudflare-Workers";
    const read = processFiles();
    assertEquals(read === undefined, isEdge);
    if (!read) return;
    assert((await read(new URL(import.meta.url).pathname)).includes("is a server"));
    await assertRejects(() => read("/no/such/file"));
  });
});

describe("processEnvironment()", () => {
  it("reads variables on Deno and Node.js, and none elsewhere", () => {
    const read = () => ["A", "EMPTY", "MISSING"].map(processEnvironment);
    assertEquals(on({ Deno: deno }, read), ["a", undefined, undefined]);
    assertEquals(on({ Deno: undefined, process: node }, read), ["a", undefined, undefined]);
    assertEquals(on({ Deno: undefined, process: undefined }, read)[0], undefined);
  });

  it("survives a missing permission, and asks for it once", () => {
    assertStrictEquals(
      on({ Deno: deno, process: { env: { SECRET: "x" } } }, () => processEnvironment("SECRET")),
      undefined,
    );
  });
});
