import { Dispatcher } from "../../../src/dispatcher.ts";

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribeAll(() => {});
