export const services = [{ queue: "a" }, { queue: "a" }];
