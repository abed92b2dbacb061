// Writes src/types.ts from the OpenAPI document of the control service, so that the page
// and the server have one source of what a message holds.
import { readFileSync, writeFileSync } from "node:fs";

const document = JSON.parse(readFileSync(new URL("../gen/dynlb/v1/control.openapi.json", import.meta.url), "utf8"));

/** typeOf returns the type of a schema. */
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const { type } = schema;
  if (type === "array") return `${wrap(typeOf(schema.items))}[]`;
  if (type === "integer" || type === "number") return "number";
  if (type === "string" || type === "boolean") return type;
  return "unknown";
}

const wrap = (type) => (type.includes(" ") ? `(${type})` : type);

/** absent reports whether a message may lack a field: messages and times may be unset. */
function absent(schema, all) {
  const type = typeOf(schema);
  return schema.format === "date-time" || (type in all && !all[type].enum);
}

/** comment returns a description as a comment. */
function comment(text, indent = "") {
  if (!text) return "";
  const lines = text.trim().split("\n");
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}

const all = document.components.schemas;
let out = "// Written by types.mjs from the OpenAPI document. Do not edit.\n";
for (const name of Object.keys(all).sort()) {
  const schema = all[name];
  out += `\n${comment(schema.description)}`;
  if (schema.enum) {
    out += `export type ${name} = ${typeOf(schema)};\n`;
    continue;
  }
  out += `export interface ${name} {\n`;
  for (const [field, about] of Object.entries(schema.properties ?? {})) {
    const optional = name.endsWith("Request") ? !schema.required?.includes(field) : absent(about, all);
    const key = /^\w+$/.test(field) ? field : JSON.stringify(field);
    out += `${comment(about.description, "  ")}  ${key}${optional ? "?" : ""}: ${typeOf(about)};\n`;
  }
  out += "}\n";
}
writeFileSync(new URL("src/types.ts", import.meta.url), out);
