package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// adminWithin bounds a call of admin HTTP. A restart is not bounded by it.
const adminWithin = 10 * time.Second

// An admin talks to dynlb's admin HTTP. Safe for concurrent use.
type admin struct {
	address string
	app     string      // that the calls are about
	others  int         // processes of the instances of other apps
	http    http.Client // without keep-alive: nothing is left behind
}

func newAdmin(address, app string) *admin {
	return &admin{address: address, app: app, http: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// call returns the body of a 200.
func (a *admin) call(ctx context.Context, method, path, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+a.address+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: status %d: %s", path, response.StatusCode, text)
	}
	return string(text), nil
}

// status returns the state of the instances.
func (a *admin) status(ctx context.Context) (*dynlbv1.Pool, error) {
	ctx, cancel := context.WithTimeout(ctx, adminWithin)
	defer cancel()
	text, err := a.call(ctx, http.MethodGet, "/v1/status?app="+a.app, "")
	if err != nil {
		return nil, err
	}
	var response dynlbv1.GetStatusResponse
	if err := protojson.Unmarshal([]byte(text), &response); err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	return response.GetPool(), nil
}

// scale sets the number of instances.
func (a *admin) scale(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, adminWithin)
	defer cancel()
	_, err := a.call(ctx, http.MethodPost, "/v1/scale", fmt.Sprintf(`{"target": %d, "app": %q}`, n, a.app))
	return err
}

// The reasons for which dynlb may end a rolling restart early.
var (
	errBusy       = errors.New("another restart was under way")
	errAborted    = errors.New("a new instance did not become ready")
	errSuperseded = errors.New("a changed config has all instances replaced")
)

// restart does a rolling restart and waits for its end.
func (a *admin) restart(ctx context.Context) error {
	text, err := a.call(ctx, http.MethodPost, "/v1/restart", fmt.Sprintf(`{"app": %q}`, a.app))
	said := text
	if err != nil {
		said = err.Error()
	}
	switch {
	case strings.Contains(said, "restart is under way"):
		return errBusy
	case strings.Contains(said, stopped):
		return errAborted
	case strings.Contains(said, "superseded by another config change"):
		return errSuperseded
	case err == nil && strings.Contains(said, `"error"`):
		return fmt.Errorf("restart: %s", said)
	}
	return err
}

// metrics returns the metrics without labels.
func (a *admin) metrics(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, adminWithin)
	defer cancel()
	text, err := a.call(ctx, http.MethodGet, "/metrics", "")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if figure, err := strconv.ParseFloat(value, 64); ok && err == nil {
			out[name] = figure
		}
	}
	return out, nil
}

// pidOf returns the process of an instance, 0 when it has none yet.
func pidOf(in *dynlbv1.Instance) int {
	pid, err := strconv.Atoi(strings.TrimPrefix(in.GetHandle(), "pid "))
	if err != nil {
		return 0
	}
	return pid
}
