#!/usr/bin/env node
// Starts the dynlb that the package for this system carries. There is no install script: npm
// runs none from version 12 on.
"use strict";
const { spawn } = require("node:child_process");

const name = `@dynlb/${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/bin/dynlb`);
} catch {
  console.error(`dynlb: the package ${name} is missing: this system is not supported, or optional dependencies were left out (npm install --include=optional dynlb)`);
  process.exit(1);
}
const args = process.argv.slice(2);

// Node 22.15 and later become the program. Signals, the terminal and the exit code are its own then.
if (process.execve) {
  process.removeAllListeners("warning"); // that execve is experimental
  process.on("warning", () => {});
  process.execve(program, [program, ...args], process.env);
}

// dynlb takes a signal that it gets twice, from here and from the terminal, for one.
const child = spawn(program, args, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGQUIT"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(`dynlb: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exit(code);
  }
});
