"""Watches an app over gRPC, and comes back when dynlb does.

    python3 watch.py localhost:4001

It needs grpcio, and the code that is generated from control.proto beside it: see README.md.
The environment variable TOKEN is the token, if dynlb asks for one.
"""

import os
import sys
import time

import grpc

from dynlb.v1 import control_pb2, control_pb2_grpc

# Pings every 30 s notice a connection that is silently gone. dynlb ends the connections of
# clients that ping more often than every 10 s, with ENHANCE_YOUR_CALM.
OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]

# What is worth another try: dynlb is gone, restarts, or has too many watchers.
AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED}


def watch(address: str) -> None:
    token = os.environ.get("TOKEN")
    metadata = [("authorization", "Bearer " + token)] if token else []
    last, wait = 0, 0.1
    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        dynlb = control_pb2_grpc.ControlStub(channel)
        while True:
            try:
                # After the first event the watch goes on where it was, also at another dynlb.
                request = control_pb2.WatchInstancesRequest(resume_after=last)
                for message in dynlb.WatchInstances(request, metadata=metadata):
                    wait = 0.1
                    print(f"target {message.pool.target}, {len(message.pool.instances)} instances", flush=True)
                    for event in message.events:
                        last = max(last, event.sequence)
                        print(f" {control_pb2.EventType.Name(event.type)} {event.reason}", flush=True)
            except grpc.RpcError as error:
                print(error.code().name, error.details(), flush=True)
                if error.code() not in AGAIN:
                    raise SystemExit(1) from error
            time.sleep(wait)
            wait = min(2 * wait, 5)


if __name__ == "__main__":
    watch(sys.argv[1])
