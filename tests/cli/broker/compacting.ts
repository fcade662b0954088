/** A broker that makes its file short all the time; prints its address. */
import { serveBroker } from "../../../cli/broker/server.ts";

const { url } = await serveBroker({
  port: 0,
  host: "127.0.0.1",
  names: [],
  region: "us-east-1",
  data: Deno.args[0],
  sync: true,
  compactBytes: 500,
  onFailure(error) {
    throw error;
  },
});
console.log(url);
