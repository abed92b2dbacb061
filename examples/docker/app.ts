export default { fetch: () => new Response(`hello from process ${process.pid}\n`) };
