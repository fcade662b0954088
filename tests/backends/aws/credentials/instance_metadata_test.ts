import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { instanceMetadataCredentials } from "../../../../backends/aws/credentials/instance_metadata.ts";
import {
  credentialsJson,
  fakeMachine,
  html,
  type Machine,
  type Request,
  type Respond,
  silence,
  TOKEN,
  unreachable,
} from "./fake_machine.ts";

const ROLES = "/latest/meta-data/iam/security-credentials/";

/** A metadata service, version 2: whoever has no session is sent away. */
const service: Respond = ({ url, method, headers }) => {
  const { pathname } = new URL(url);
  if (pathname === "/latest/api/token") {
    const seconds = headers.get("x-aws-ec2-metadata-token-ttl-seconds");
    return method === "PUT" && Number(seconds) > 0 ? new Response(TOKEN) : html(400);
  }
  if (headers.get("x-aws-ec2-metadata-token") !== TOKEN) return html(401);
  if (pathname === ROLES) return new Response("my-role\n");
  return pathname === `${ROLES}my-role` ? credentialsJson() : html(404);
};

/** The same, but for one path. */
const except = (path: string, respond: Respond): Respond => (request, number) =>
  new URL(request.url).pathname === path ? respond(request, number) : service(request, number);

const paths = ({ requests }: Machine) =>
  requests.map(({ method, url }: Request) => `${method} ${url}`);

describe("instanceMetadataCredentials()", () => {
  it("asks for a session, the role and its credentials", async () => {
    const machine = fakeMachine({ respond: service });
    const found = await instanceMetadataCredentials(machine.context);
    assert("credentials" in found);
    assertEquals(found.credentials.accessKeyId, "ASIA1");
    assertEquals(found.credentials.expiration, new Date("2026-01-01T06:00:00Z"));
    assertEquals(paths(machine), [
      "PUT http://169.254.169.254/latest/api/token",
      `GET http://169.254.169.254${ROLES}`,
      `GET http://169.254.169.254${ROLES}my-role`,
    ]);
  });

  const endpoints: [variables: Record<string, string>, origin: string][] = [
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: "IPv6" }, "http://[fd00:ec2::254]"],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:1338/" }, "http://127.0.0.1:1338"],
  ];
  for (const [variables, origin] of endpoints) {
    it(`asks at ${origin}`, async () => {
      const machine = fakeMachine({ variables, respond: service });
      await instanceMetadataCredentials(machine.context);
      assert(machine.requests.every(({ url }) => url.startsWith(`${origin}/latest/`)));
      assertEquals(machine.requests.length, 3);
    });
  }

  it("refuses an endpoint that is no URL", async () => {
    for (const endpoint of ["169.254.169.254", "ftp://a/", `http://me:${TOKEN}@h.example/`]) {
      const variables = { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint };
      const machine = fakeMachine({ variables, respond: service });
      await machine.failure(instanceMetadataCredentials(machine.context));
      assertEquals(machine.requests.length, 0);
    }
  });

  it("asks nobody where that is disabled, or where there are no files", async () => {
    const variables = { AWS_EC2_METADATA_DISABLED: "TRUE" };
    const machine = fakeMachine({ variables, respond: service });
    const edge = fakeMachine({ respond: service });
    const { context } = edge;
    assert("none" in await instanceMetadataCredentials(machine.context));
    assert("none" in await instanceMetadataCredentials({ ...context, readTextFile: undefined }));
    assertEquals([...machine.requests, ...edge.requests], []);
  });

  const absent: [what: string, respond: Respond][] = [
    ["nobody is there", unreachable],
    ["nobody answers", silence],
    ["a proxy answers with HTML", () => html()],
    ["a proxy answers with one word of HTML", () => new Response("<html>")],
    ["a proxy answers with a redirect", () => Response.redirect("https://login.example/")],
    ["a proxy answers 403", () => html(403)],
    ["a proxy answers 502", () => html(502)],
    ["nothing is answered", () => new Response("")],
  ];
  for (const [what, respond] of absent) {
    it(`is not there if ${what}, and never asks without a session`, async () => {
      const machine = fakeMachine({ respond });
      const found = await machine.settle(instanceMetadataCredentials(machine.context));
      assert("none" in found);
      assert(machine.requests.every(({ method }) => method === "PUT"));
      assertEquals(machine.clock.pending, 0);
    });
  }

  it("is not there if the instance has no role", async () => {
    const machine = fakeMachine({ respond: except(ROLES, () => html(404)) });
    assert("none" in await instanceMetadataCredentials(machine.context));
  });

  const broken: [what: string, path: string, respond: Respond][] = [
    ["HTML for the role", ROLES, () => html()],
    ["a path for the role", ROLES, () => new Response("../../user-data")],
    ["nothing for the role", ROLES, () => new Response("")],
    ["500 for the role", ROLES, () => html(500)],
    ["silence for the role", ROLES, silence],
    ["HTML for the credentials", `${ROLES}my-role`, () => html()],
    ["404 for the credentials", `${ROLES}my-role`, () => html(404)],
    ["500 for the credentials", `${ROLES}my-role`, () => html(500)],
    ["a failure code", `${ROLES}my-role`, () => Response.json({ Code: "AssumeRoleFailed" })],
  ];
  for (const [what, path, respond] of broken) {
    it(`fails for now on ${what}`, async () => {
      const machine = fakeMachine({ respond: except(path, respond) });
      const error = await machine.failure(instanceMetadataCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
      assert(machine.requests.length <= 5, "bounded");
      const known = ["/latest/api/token", ROLES, `${ROLES}my-role`];
      const asked = machine.requests.map(({ url }) => new URL(url).pathname);
      assert(asked.every((path) => known.includes(path)), asked.join());
    });
  }

  it("gets over a 500", async () => {
    const once: Respond = (request, number) => number === 2 ? html(500) : service(request, number);
    const machine = fakeMachine({ respond: once });
    const found = await machine.settle(instanceMetadataCredentials(machine.context));
    assert("credentials" in found);
    assertEquals(machine.requests.length, 4);
  });
});
