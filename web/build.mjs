// Builds the page into internal/dashboard/dist, each file compressed. With --check it
// writes nothing, and fails when the files there are not what the sources give. It
// compares what is in the files, as zlib versions compress differently. In both cases it
// fails when the page is too large.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { build } from "vite";

// The page must stay small enough for a phone: all of it, compressed.
const maxBytes = 120 * 1024;

const root = fileURLToPath(new URL(".", import.meta.url));
const target = fileURLToPath(new URL("../internal/dashboard/dist", import.meta.url));
const check = process.argv.includes("--check");
const scratch = mkdtempSync(join(tmpdir(), "dynlb-web-"));

/** list returns the files of a folder, by their path in it. */
function list(folder) {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  return names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name).slice(folder.length + 1)).sort();
}

try {
  await build({ root, logLevel: "warn", build: { outDir: scratch, emptyOutDir: true } });
  const files = new Map(list(scratch).map((name) => [`${name}.gz`, readFileSync(join(scratch, name))]));
  const compressed = new Map([...files].map(([name, content]) => [name, gzipSync(content, { level: 9 })]));
  const sum = [...compressed.values()].reduce((all, one) => all + one.length, 0);
  if (check) {
    const stale = new Set([...list(target), ...files.keys()]);
    for (const [name, content] of files) {
      try {
        if (gunzipSync(readFileSync(join(target, name))).equals(content)) stale.delete(name);
      } catch {
        // It is not there: it stays among the stale ones.
      }
    }
    if (stale.size > 0) {
      console.error(`${[...stale].join(", ")}: not what web/ makes of it; run make web`);
      process.exitCode = 1;
    }
  } else {
    rmSync(target, { recursive: true, force: true });
    for (const [name, content] of compressed) {
      mkdirSync(dirname(join(target, name)), { recursive: true });
      writeFileSync(join(target, name), content);
      console.log(`${name}\t${files.get(name).length} bytes, ${content.length} compressed`);
    }
    console.log(`in all\t${sum} bytes compressed`);
  }
  if (sum > maxBytes) {
    console.error(`the page has ${sum} bytes compressed, more than ${maxBytes}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
