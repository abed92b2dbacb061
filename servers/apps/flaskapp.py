import time

from flask import Flask, request

app = Flask(__name__)


@app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
@app.route("/<path:path>", methods=["GET", "POST"])
def answer(path):
    if path == "wait":
        time.sleep(2)
    return f"{len(request.get_data())}\n" if request.method == "POST" else "hello\n"
