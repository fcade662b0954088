export const dispatcher = "a dispatcher";
