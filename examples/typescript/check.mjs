// Checks the OpenAPI document of a running dynlb with a validator, generates clients from
// it with three tools, type-checks a program for each, and runs the programs.
//
//   node check.mjs http://localhost:4002 FOLDER
//
// What is generated goes into the folder, which is a temporary one.
import { Validator } from "@seriousme/openapi-schema-validator";
import openapiTS, { astToString } from "openapi-typescript";
import { generateApi } from "swagger-typescript-api";
import { generateSource } from "oazapfts";
import { execFileSync } from "node:child_process";
import { cpSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const [base, folder] = [process.argv[2], resolve(process.argv[3])];
const here = import.meta.dirname;
const document = await (await fetch(`${base}/openapi.json`)).json();

const result = await new Validator().validate(structuredClone(document));
if (!result.valid) throw new Error(`the document is not valid: ${JSON.stringify(result.errors, null, 2)}`);
console.log("the document is valid OpenAPI", document.openapi);

const file = join(folder, "openapi.json");
writeFileSync(file, JSON.stringify(document));
writeFileSync(join(folder, "openapi-typescript.ts"), astToString(await openapiTS(structuredClone(document))));
await generateApi({ input: file, output: folder, fileName: "swagger-typescript-api.ts", silent: true });
writeFileSync(join(folder, "oazapfts.ts"), await generateSource(file));

symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
writeFileSync(join(folder, "package.json"), `{"type": "module"}`);
const programs = ["openapi-fetch", "swagger-typescript-api", "oazapfts"];
for (const program of programs) cpSync(join(here, `use-${program}.ts`), join(folder, `use-${program}.ts`));
const run = (program, ...args) => execFileSync(process.execPath, [program, ...args], { cwd: folder, stdio: "inherit", timeout: 120_000 });
run(join(here, "node_modules/typescript/bin/tsc"), "--strict", "--target", "es2022", "--lib", "es2023,dom,dom.iterable", "--types", "node",
  "--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck", "--outDir", "out", ...programs.map((p) => `use-${p}.ts`));
for (const program of programs) {
  run(join("out", `use-${program}.js`), base);
  console.log(program, "works");
}
