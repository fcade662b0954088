import { billing, orders, shipping } from "../../src/operate/topology/services.ts";

export const services = [orders(), billing(), shipping()];
