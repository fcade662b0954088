/** S3 as far as a store of payloads needs it, in place of `fetch`. */

const HOST = /^http:\/\/s3\.test\/([^/]+)\/(.+)$/;

/** Creates an S3 with this bucket; its objects are bytes by key. */
export function fakeS3(bucket: string): { fetch: typeof fetch; objects: Map<string, Uint8Array> } {
  const objects = new Map<string, Uint8Array>();
  const answer = (url: string, { method, body, headers }: RequestInit): Response => {
    const [, name, key = ""] = HOST.exec(url) ?? [];
    if (name !== bucket) return errorOf("NoSuchBucket", 404);
    if (method === "PUT") {
      objects.set(key, new TextEncoder().encode(String(body)));
      return new Response();
    }
    const found = objects.get(key);
    if (method !== "GET") return errorOf("MethodNotAllowed", 405);
    if (!found) return errorOf("NoSuchKey", 404);
    const [, end] = /^bytes=0-(\d+)$/.exec(new Headers(headers).get("range") ?? "") ?? [];
    if (end === undefined || found.length === 0) return errorOf("InvalidRange", 416);
    return new Response(found.slice(0, Number(end) + 1), { status: 206 });
  };
  return {
    objects,
    fetch: (input, init = {}) => Promise.resolve(answer(String(input), init)),
  };
}

function errorOf(code: string, status: number): Response {
  return new Response(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`, { status });
}
