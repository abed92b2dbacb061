package std

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// isTimeout reports whether err means that a deadline of a connection has passed.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// copyMax is the size up to which payload is copied next to its framing: a copy of so
// little costs less than a second piece in a system call.
const copyMax = 4 << 10

// startUpload starts the upload of the content that has not arrived yet.
func (x *exchange) startUpload(u *upstream) {
	x.client.unwatch()
	x.uploads = true
	read := x.client.read
	if client, ok := x.client.(pauser); ok && x.kind == policy.GRPCCall && u.call != nil {
		pause := make(chan struct{})
		x.pause = pause
		read = func() ([]byte, bool, error) { return client.readUntil(pause) }
	}
	x.uploading.Go(func() { // ends with the content; endUpload ends it and waits for it
		defer x.rescueUpload()
		if x.upload(u, read) {
			x.client.watch(x)
		}
	})
}

// upload carries the content to the instance. It reports whether the content was read to
// its end.
func (x *exchange) upload(u *upstream, read func() (payload []byte, done bool, err error)) bool {
	began := time.Now()
	frame := getBuffer(smallSize)
	defer putBuffer(frame)
	for {
		wait := x.lane.clock.wait()
		payload, done, err := read()
		if err == nil && x.tooSlow(wait, len(payload)) {
			err = policy.ErrSlowBody
		}
		if errors.Is(err, errStopped) || errors.Is(err, errPaused) {
			return false
		}
		if err != nil {
			x.halt(err)
			return false
		}
		if x.outcome.BytesIn += int64(len(payload)); done || x.outcome.BytesIn >= policy.FirstContent {
			x.dropPartial()
		}
		if done { // set before the instance gets the end and can answer
			x.mu.Lock()
			x.readAll = true
			x.mu.Unlock()
		}
		x.keepPiece(payload, done)
		if err := x.sendPiece(u, frame[:0], payload, done); err != nil {
			x.unsent(u, err)
			return done
		}
		if time.Since(began) >= policy.UploadProgressAfter {
			x.lease.Progressed()
		}
		if done {
			x.sent(u)
			return true
		}
	}
}

// sendPiece sends a piece of the content. frame is a buffer for its framing.
func (x *exchange) sendPiece(u *upstream, frame, payload []byte, done bool) error {
	limit := x.timeout
	switch {
	case !x.chunked:
		return u.send(payload, limit)
	case done && x.trailers:
		return u.send(forward.AppendLast(frame, payload, x.client.trailer()), limit)
	case len(payload)+contentRoom <= cap(frame):
		return u.send(forward.AppendContent(frame, payload, true, done), limit)
	}
	end := chunkEnd
	if done {
		end = lastChunkEnd
	}
	n, err := u.writeAll(limit, http1.AppendChunkSize(frame, len(payload)), payload, end)
	u.sent.Add(int64(n))
	return err
}

// The bytes after a chunk, and after the last chunk.
var (
	chunkEnd     = []byte(http1.ChunkEnd)
	lastChunkEnd = []byte(http1.ChunkEnd + http1.LastChunk)
)

// stillUploads reports whether there is an upload that has not sent everything.
func (x *exchange) stillUploads() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.uploads && !x.sentAll
}

// endUpload ends the upload, if there is one, and waits for it.
func (x *exchange) endUpload(u *upstream) {
	if !x.uploads {
		return
	}
	if x.stillUploads() {
		x.client.stopReading()
		u.stop()
	}
	x.uploading.Wait()
}

// rescueUpload keeps a panic of the upload from ending the process. It is deferred.
func (x *exchange) rescueUpload() {
	if cause := recover(); cause != nil {
		x.lane.options.Log.Error("upload panicked", "panic", cause, "stack", string(debug.Stack()))
		x.halt(context.Canceled)
	}
}
