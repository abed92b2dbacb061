// Package dashboard is the page that shows operators how the apps are. Its sources are in
// web/, and `make web` builds the files that this package embeds. The page uses the REST
// API of the control plane and nothing else, so it holds no secret: it is for all
// clients, and the API asks for the token.
package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// files are the built files, each compressed: index.html.gz, assets/index-HASH.js.gz.
//
//go:embed dist
var files embed.FS

// Assets is the path below which the files of the page are, apart from the page itself.
const Assets = "/assets/"

// policy lets the page load its own files and call its own server, and nothing else: no
// script or style within the page, no frame around it. See CSP level 3.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// file is a built file.
type file struct {
	contentType string
	compressed  []byte
	tag         string // for ETag
}

// New returns a handler that answers GET and HEAD with the page, for the path /, and
// with its files, below Assets. All other paths are not found. The error is one of the
// build: a page that is missing.
func New() (http.Handler, error) {
	all := map[string]func() (*file, error){} // loaded at the first request: most starts of dynlb serve none
	err := fs.WalkDir(files, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		url, compressed := strings.CutSuffix(strings.TrimPrefix(name, "dist"), ".gz")
		if !compressed {
			return nil
		}
		if url == "/index.html" {
			url = "/"
		}
		all[url] = sync.OnceValues(func() (*file, error) { return load(name) })
		return nil
	})
	if err == nil && all["/"] == nil {
		err = errors.New("load dashboard: there is no index.html; run make web")
	}
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		load := all[r.URL.Path]
		if load == nil {
			http.NotFound(w, r)
			return
		}
		f, err := load()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		f.serve(w, r)
	}), nil
}

// load reads a compressed file.
func load(name string) (*file, error) {
	raw, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	contentType := mime.TypeByExtension(path.Ext(strings.TrimSuffix(name, ".gz")))
	return &file{contentType: contentType, compressed: raw, tag: `"` + hex.EncodeToString(sum[:8]) + `"`}, nil
}

// serve answers with the file. The name of a file has the hash of its content, so it may
// be kept; the page itself names the files of this version, so it may not.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if r.URL.Path != "/" {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", f.tag)
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(f.compressed) // the client may have left
		return
	}
	plain, err := gzip.NewReader(bytes.NewReader(f.compressed))
	if err != nil {
		http.Error(w, fmt.Sprintf("read dashboard: %v", err), http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(w, plain) //nolint:gosec // G110: the file is dynlb's own
}

// acceptsGzip reports whether a field of Accept-Encoding names gzip with a weight other
// than 0 (RFC 9110, 12.5.3).
func acceptsGzip(fields []string) bool {
	for member := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		coding, weight, _ := strings.Cut(member, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q := strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			return q == "" || strings.Trim(q, "0.") != ""
		}
	}
	return false
}
