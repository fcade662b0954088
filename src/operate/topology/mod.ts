/**
 * The topology as code: what handlers and publishers need, compared with what exists, and written
 * as policies and templates.
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, typed } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { planOf, topologyOf } from "@melange/melange/topology";
 *
 * const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema: typed<{ id: string }>() });
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribe(OrderPlaced, () => {});
 *
 * const backend = new MemoryBackend();
 * const topology = topologyOf({ dispatcher, queue: "billing", deadLetterQueue: "billing-dlq" });
 * const plan = await planOf(backend, topology);
 * if (plan.changes.length > 0) await plan.apply();
 * console.log(`${await planOf(backend, topology)}`); // prints: Nothing to change
 * ```
 *
 * @module
 */
export {
  type EventTopology,
  type PublishedEvent,
  type QueueTopology,
  type ServiceOptions,
  type ServiceTopology,
  type SubscriptionTopology,
  type TopicTopology,
  type Topology,
  topologyOf,
} from "./topology.ts";
export { type Plan, type PlannedChange, planOf } from "./plan.ts";
export {
  type IamPolicies,
  iamPolicies,
  type IamPolicyOptions,
  type PolicyDocument,
  type PolicyStatement,
} from "./policies.ts";
export {
  type SamFunction,
  type Template,
  type TemplateResource,
  toCloudFormation,
  type ToCloudFormationOptions,
} from "./cloudformation.ts";
export { type TerraformDocument, toTerraform } from "./terraform.ts";
