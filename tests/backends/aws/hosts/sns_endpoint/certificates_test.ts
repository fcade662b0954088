import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createCertificates } from "../../../../../backends/aws/hosts/sns_endpoint/certificates.ts";
import { VirtualClock } from "../../../../../backends/memory/testing.ts";
import { MelangeError } from "../../../../../src/support/errors.ts";
import { generateKeys, toPem, writeCertificate } from "./fake_certificate.ts";
import { NOW } from "./fake_sns.ts";

const NAMES = ["sns.amazonaws.com"];

/** Certificates of a host that answers as it is told, and the addresses that were fetched. */
async function setUp(answer: () => Response | Promise<Response>) {
  const fetched: string[] = [];
  const fakeFetch = (url: string | URL | Request) => {
    fetched.push(String(url));
    return Promise.resolve(answer());
  };
  const clock = new VirtualClock({ now: NOW });
  const certificates = createCertificates({ clock, fetch: fakeFetch as typeof fetch });
  const { spki } = await generateKeys();
  return { certificates, fetched, clock, pem: toPem(await writeCertificate({ spki })) };
}

describe("createCertificates()", () => {
  it("remembers sixteen, of those that anybody may name, and forgets the oldest", async () => {
    let pem = "";
    const world = await setUp(() => new Response(pem));
    pem = world.pem;
    for (let n = 0; n < 17; n++) await world.certificates(`u${n}`, NAMES);
    for (let n = 1; n < 17; n++) await world.certificates(`u${n}`, NAMES);
    assertEquals(world.fetched.length, 17);
    await world.certificates("u0", NAMES);
    assertEquals(world.fetched.length, 18);
  });

  it("remembers sixteen failures, likewise", async () => {
    const { certificates, fetched } = await setUp(() => new Response("", { status: 404 }));
    const fail = (url: string) => assertRejects(() => certificates(url, NAMES), MelangeError);
    for (let n = 0; n < 17; n++) await fail(`u${n}`);
    for (let n = 1; n < 17; n++) await fail(`u${n}`);
    assertEquals(fetched.length, 17);
    await fail("u0");
    assertEquals(fetched.length, 18);
  });

  it("fetches four at once, and refuses more until one has ended", async () => {
    const { promise, resolve } = held();
    const { certificates, fetched } = await setUp(() => promise);
    const running = [0, 1, 2, 3].map((n) => certificates(`u${n}`, NAMES).catch(() => "failed"));
    const error = await assertRejects(() => certificates("u4", NAMES), MelangeError);
    assertEquals([error.code, error.retryable, fetched.length], ["THROTTLED", true, 4]);
    resolve(new Response("", { status: 404 }));
    assertEquals(await Promise.all(running), Array(4).fill("failed"));
    await assertRejects(() => certificates("u4", NAMES), MelangeError);
    assertEquals(fetched.length, 5);
  });
});

function held() {
  let resolve = (_: Response) => {};
  const promise = new Promise<Response>((end) => resolve = end);
  return { promise, resolve: (response: Response) => resolve(response) };
}
