#!/usr/bin/env node
/**
 * The program `melange` of the npm package: runs the command line, whatever started it.
 *
 * @module
 */
import { runProgram } from "./program.ts";

void runProgram();
