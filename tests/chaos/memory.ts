/** Watches the resident memory of a publisher and a worker while many events pass through them. */
import { startBroker } from "../broker.ts";
