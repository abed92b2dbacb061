import asyncio
import sys

from aiohttp import web


async def answer(request):
    if request.path == "/wait":
        await asyncio.sleep(2)
    if request.method == "POST":
        return web.Response(text=f"{len(await request.read())}\n")
    return web.Response(text="hello\n")


app = web.Application()
app.router.add_route("*", "/{path:.*}", answer)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
