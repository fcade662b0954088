import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  processEnvironment,
  processFiles,
  processFileWriter,
  processRunner,
  quietEnvironment,
  quietFiles,
} from "../../../../backends/aws/api/environment.ts";

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
    const isPage = "document" in globalThis;
    const read = processFiles();
    assertEquals(read === undefined, isEdge || isPage);
    if (!read) return;
    assert((await read(new URL(import.meta.url).pathname)).includes("is a server"));
    await assertRejects(() => read("/no/such/file"));
  });
});

describe("quietFiles() and quietEnvironment", () => {
  const withPermissions = (state: string) => ({
    ...deno,
    env: { get: (name: string) => `value of ${name}` },
    permissions: { querySync: () => ({ state }) },
  });

  it("ask nobody for a permission, except for the variables of AWS", async () => {
    for (const [state, home] of [["granted", "value of HOME"], ["prompt", undefined]] as const) {
      const globals = { Deno: withPermissions(state), process: node };
      const read = on(globals, quietFiles)!;
      const text = await on(globals, () => read("/a")).catch(({ code }) => code);
      assertEquals(text, state === "granted" ? "text of /a" : "EACCES");
      assertEquals(on(globals, () => quietEnvironment("HOME")), home);
      assertEquals(on(globals, () => quietEnvironment("AWS_REGION")), "value of AWS_REGION");
    }
  });

  it("are the others where there are no permissions", async () => {
    const globals = { Deno: undefined, process: node, navigator: undefined };
    assertEquals(await on(globals, () => quietFiles()!("/a")), "utf8 of /a");
    assertEquals(on(globals, () => quietEnvironment("A")), "a");
    assertStrictEquals(on({ Deno: undefined, process: undefined }, quietFiles), undefined);
  });
});

describe("processRunner() and processFileWriter()", () => {
  it("are none where processes and files are none", () => {
    for (const process of [undefined, {}, { getBuiltinModule() {} }]) {
      const globals = { Deno: undefined, process, navigator: undefined };
      assertStrictEquals(on(globals, processRunner), undefined);
      assertStrictEquals(on(globals, processFileWriter), undefined);
    }
    const workerd = { Deno: undefined, process: node, navigator: userAgent("Cloudflare-Workers") };
    assertStrictEquals(on(workerd, processRunner), undefined);
    assertStrictEquals(on(workerd, processFileWriter), undefined);
  });

  it("write for the owner alone, and never half of it", async () => {
    const calls: unknown[][] = [];
    const files = {
      writeFile: (...call: unknown[]) => Promise.resolve(void calls.push(["write", ...call])),
      rename: (...call: unknown[]) => Promise.resolve(void calls.push(["rename", ...call])),
    };
    const process = { getBuiltinModule: () => files };
    const write = on({ Deno: undefined, process, navigator: undefined }, processFileWriter)!;
    await write("/token.json", "text");
    const draft = calls[0]![1] as string;
    assert(draft.startsWith("/token.json.") && draft.endsWith(".tmp"), draft);
    assertEquals(calls, [["write", draft, "text", { mode: 0o600 }], [
      "rename",
      draft,
      "/token.json",
    ]]);
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
