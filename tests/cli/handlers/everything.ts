import { Dispatcher } from "../../../src/handle/dispatcher.ts";

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribeAll(() => {});
