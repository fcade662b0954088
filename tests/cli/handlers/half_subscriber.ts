export const subscribers: { name: string }[] = [{ name: "half" }];
