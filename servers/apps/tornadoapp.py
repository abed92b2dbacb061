import asyncio
import sys

from tornado.web import Application, RequestHandler


class Answer(RequestHandler):
    async def get(self):
        if self.request.path == "/wait":
            await asyncio.sleep(2)
        self.write("hello\n")

    async def post(self):
        self.write(f"{len(self.request.body)}\n")

    head = get


async def main():
    Application([(".*", Answer)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
