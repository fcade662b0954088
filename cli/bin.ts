#!/usr/bin/env node
/**
 * The program `melange` of the npm package: runs the command line, whatever started it.
 *
 * @module
 */
import process from "node:process";
import { main } from "./mod.ts";

process.exit(await main(process.argv.slice(2)));
