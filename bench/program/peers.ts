/** Peers that run on server runtimes only. */
import http from "node:http";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { type Post, sqsHeaders } from "./by_hand.ts";
import { CREDENTIALS, REGION, type Stub } from "./stub.ts";

/** Posts by `node:http` with connections that stay open, without a signature. */
export function nodeHttp({ url }: Stub): Post {
  const agent = new http.Agent({ keepAlive: true });
  const { hostname, port } = new URL(url);
  return (action, body) =>
    new Promise((resolve, reject) => {
      const headers = {
        ...sqsHeaders(action),
        "content-length": new TextEncoder().encode(body).length,
      };
      const options = { method: "POST", hostname, port, path: "/", headers, agent };
      const request = http.request(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (piece: string) => text += piece);
        answer.on("end", () => resolve(text));
        answer.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
}

/** The client of the AWS SDK for SQS, with its defaults. */
export function sdkSqs({ url }: Stub): SQSClient {
  return new SQSClient({ region: REGION, endpoint: url, credentials: CREDENTIALS });
}

/** The client of the AWS SDK for SNS, with its defaults. */
export function sdkSns({ url }: Stub): SNSClient {
  return new SNSClient({ region: REGION, endpoint: url, credentials: CREDENTIALS });
}
