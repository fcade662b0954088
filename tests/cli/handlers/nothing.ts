export const handlers: string[] = [];
