import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { didYouMean } from "../../cli/did_you_mean.ts";

const KNOWN = [
  "queue",
  "topic",
  "handlers",
  "visibility-timeout-ms",
  "wait-ms",
  "drain-ms",
  "json",
];

describe("didYouMean()", () => {
  const meant: [written: string, name: string | undefined][] = [
    ["queu", "queue"],
    ["qeueu", "queue"],
    ["QUEUE", "queue"],
    ["tpoic", "topic"],
    ["topci", "topic"],
    ["handler", "handlers"],
    ["visibility", "visibility-timeout-ms"],
    ["visibilty-timeout-ms", "visibility-timeout-ms"],
    ["wait", "wait-ms"],
    ["wiat-ms", "wait-ms"],
    ["q", "queue"],
    ["jsn", "json"],
    ["xyz", undefined],
    ["", undefined],
    ["message-group", undefined],
  ];
  for (const [written, name] of meant) {
    it(`takes "${written}" for ${name ?? "nothing that is known"}`, () => {
      assertEquals(didYouMean(written, KNOWN), name);
    });
  }

  it("chooses no name where several begin alike", () => {
    assertEquals(didYouMean("health", ["health-port", "health-host"]), undefined);
    assertEquals(didYouMean("health-prt", ["health-port", "health-host"]), "health-port");
  });

  it("knows nothing where nothing is known", () => {
    assertEquals(didYouMean("queue", []), undefined);
  });
});
