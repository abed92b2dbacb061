import { defineConfig } from "vite";

// `npm run dev` serves the sources, and asks a dynlb on this machine for all else.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: Object.fromEntries(["/v1", "/login", "/logout"].map((path) => [path, "http://localhost:4002"])) },
});
