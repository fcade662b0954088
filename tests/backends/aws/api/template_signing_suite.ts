/** The long form of the property that both signers agree. */
import { describe, it } from "@std/testing/bdd";
import { processHashes } from "../../../../backends/aws/api/environment.ts";
import { agree } from "./random_requests.ts";

describe("createTemplateSigner()", () => {
  it("signs 10,000 requests of all kinds as aws4fetch does", () => agree(processHashes()!, 10_000));
});
