export const subscribers = "some";
