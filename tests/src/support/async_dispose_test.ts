import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { disposable } from "../../../src/support/async_dispose.ts";

/** What a runtime without the symbol has under its name; `undefined` itself would take the default. */
const NOTHING = null as unknown as undefined;

describe("disposable()", () => {
  it("gives an object its disposal, which is not listed and may be replaced", async () => {
    let times = 0;
    const dispose = () => Promise.resolve(void times++);
    const object = disposable({ id: 1 }, dispose);
    await object[Symbol.asyncDispose]();
    assertEquals(times, 1);
    assertEquals(Object.keys(object), ["id"]);
    const wrapped = new Proxy(object, { get: () => "another" });
    assertEquals(wrapped[Symbol.asyncDispose] as unknown, "another");
  });

  it("leaves alone what has one, as a class that extends one of ours", async () => {
    const own = () => Promise.resolve();
    class Base {
      constructor() {
        disposable(this, () => Promise.reject(new Error("not this one")));
      }
    }
    class Extended extends Base {}
    Object.defineProperty(Extended.prototype, Symbol.asyncDispose, { value: own });
    const object = new Extended() as unknown as AsyncDisposable;
    await object[Symbol.asyncDispose]();
    assertStrictEquals(object[Symbol.asyncDispose], own);
  });

  it("leaves the object as it is where the runtime has no such symbol", () => {
    const object = disposable({ id: 1 }, () => Promise.resolve(), NOTHING);
    assertEquals(Reflect.ownKeys(object), ["id"]);
  });
});
