/** A broker in a process of its own; prints its address. */
import { startBroker } from "../../broker.ts";

const broker = await startBroker();
console.log(broker.endpoint);
