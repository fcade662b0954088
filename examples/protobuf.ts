/**
 * Events as protobuf, in base64 as bodies of SQS are text. One serializer finds each message of a
 * schema by the manifest, the name of the event type. `protoc-gen-es` generates such descriptors.
 *
 *     npx -y deno run examples/protobuf.ts
 */
import { defineEvent, EventBus, type Serializer, SerializerRegistry } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";
import * as proto from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import * as v from "valibot";

// message OrderPlaced { string orderId = 1; repeated sint64 cents = 2; }
const descriptors = proto.fromJson(FileDescriptorSetSchema, {
  file: [{
    name: "shop.proto",
    package: "shop",
    syntax: "proto3",
    messageType: [{
      name: "OrderPlaced",
      field: [
        { name: "orderId", number: 1, type: "TYPE_STRING", label: "LABEL_OPTIONAL" },
        { name: "cents", number: 2, type: "TYPE_SINT64", label: "LABEL_REPEATED" },
      ],
    }],
  }],
});
const messages = proto.createFileRegistry(descriptors);
function schemaOf(manifest: string) {
  const schema = messages.getMessage(manifest);
  if (!schema) throw new TypeError(`Cannot find the message ${manifest} in the schema`);
  return schema;
}
const protobuf: Serializer = {
  id: 20,
  serialize(data, manifest) {
    const message = proto.create(schemaOf(manifest), data as Record<string, unknown>);
    return base64Encode(proto.toBinary(schemaOf(manifest), message));
  },
  deserialize: (text, manifest) => proto.fromBinary(schemaOf(manifest), base64Decode(text)),
};

const schema = v.object({ orderId: v.string(), cents: v.array(v.bigint()) });
const OrderPlaced = defineEvent("shop.OrderPlaced", { topic: "orders", schema });
const serializers = new SerializerRegistry({ bindings: [["shop.*", protobuf]] });
const bus = new EventBus({ backend: new MemoryBackend(), queue: "billing", serializers });
const billed = new Promise<void>((resolve) => {
  bus.subscribe(OrderPlaced, ({ data: { orderId, cents } }, { message }) => {
    console.log(`${message.body}: ${orderId} costs ${cents.reduce((sum, one) => sum + one)} cents`);
    resolve();
  });
});
await bus.declare();
bus.start();
await bus.publish(OrderPlaced({ orderId: "o-1", cents: [995n, 5n] }));
await billed.finally(() => bus.stop());

// Prints:
// CgNvLTESA8YPCg==: o-1 costs 1000 cents
