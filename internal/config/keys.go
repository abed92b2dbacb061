package config

import (
	"fmt"
	"math"
	"time"
)

// Bounds that do not come from another key.
const (
	maxPort  = 65535
	maxCount = math.MaxInt32
	// minWait is the shortest interval that does not make a loop spin.
	minWait = time.Millisecond
	// minHead holds the request line of a health check. maxHead is far above what
	// browsers and servers exchange; a head stays in memory until it is complete.
	minHead, maxHead = 64, 1 << 20
	maxFields        = 10000
	// maxRate is above what a phone with a bad connection reaches.
	maxRate = 1 << 20
	// minMemory is less than a program needs to start, and maxMemory more than a
	// machine has.
	minMemory, maxMemory = 1 << 20, 1 << 50
)

// keysOf is the table of all keys, in the order of the documentation. The
// decoders of their values fill c.
func keysOf(c *Config) []Key {
	var all []Key
	app := &c.App
	for _, group := range [][]Key{
		perApp(scalingKeys(app)), perApp(boundsKeys(app)), perApp(commandKeys(app)), perApp(versionKeys(app)), perApp(fleetKeys(app)), listenerKeys(c), perApp(instanceKeys(app)),
		stateKeys(c), stopKeys(c), perApp(trafficKeys(app)), clientKeys(c), perApp(processKeys(app)),
		perApp(edgeKeys(&app.Edge)),
	} {
		all = append(all, group...)
	}
	all = append(all, tracingKey(&c.Tracing), Key{
		Name: "limits", Keys: limitsKeys(&c.Limits),
		Meaning: "What a client may send to the public listener.",
	})
	return append(all, appsKey(all))
}

// scalingKeys are the keys of the original format of the file.
func scalingKeys(a *App) []Key {
	return []Key{
		{
			Name: "location", Value: existing(&a.Location), Example: "app.ts", Change: RollingRestart,
			Meaning: "The app's entry point, relative to the config file. Without it the built-in demo runs, unless `command` is set.",
		},
		{
			Name: "minInstances", Value: whole(&a.MinInstances, 0, maxPort), Default: "2", Change: AtOnce,
			Meaning: "The smallest number of instances, at most `maxInstances`. 0 allows scale to zero.",
		},
		{
			Name: "maxInstances", Value: whole(&a.MaxInstances, 1, maxPort), Default: "8", Change: AtOnce,
			Meaning: "The largest number of instances. There must be as many ports from `basePort` up.",
		},
		{
			Name: "checkInterval", Value: duration(&a.CheckInterval, minWait), Default: "5000", Change: AtOnce,
			Meaning: "The time between two health checks of an instance, and between two scaling decisions.",
		},
		{
			Name: "healthTimeout", Value: duration(&a.HealthTimeout, minWait), Default: "2000", Change: AtOnce,
			Meaning: "How long a health check may take.",
		},
		{
			Name: "scaleUpThreshold", Value: above(number(&a.ScaleUpThreshold)), Default: "3", Change: AtOnce,
			Meaning: "The average load above which instances are added. The load of an instance is its requests in flight, plus 1 for each second of response time beyond 100 ms; streams count by what they do.",
		},
		{
			Name: "scaleDownThreshold", Value: number(&a.ScaleDownThreshold), Default: "0.5", Change: AtOnce,
			Meaning: "The average load below which idle instances are removed. It must be below `scaleUpThreshold`.",
		},
		{
			Name: "idleTimeout", Value: duration(&a.IdleTimeout, 0), Default: "30000", Change: AtOnce,
			Meaning: "How long an instance must have been ready and idle before it may be removed. 0 means at once.",
		},
	}
}

// listenerKeys say where dynlb listens.
func listenerKeys(c *Config) []Key {
	return []Key{
		{
			Name: "listen", Value: address(&c.Listen), Default: ":4000", Change: NewListener,
			Meaning: "Where clients connect. `PORT` in the environment overrides the port.",
		},
		{
			Name: "tls", Keys: tlsKeys(&c.TLS, &c.HSTS), Short: "internal",
			Meaning: "The certificates of `listen`, which speaks HTTPS with them. Unset: it speaks plain HTTP. Files are relative to the config file.",
		},
		{
			Name: "admin", Value: address(&c.Admin), Default: "127.0.0.1:4001", Change: NewListener,
			Meaning: "The control listener for gRPC. Unset, its port is the one after that of `listen` in the file, if that is from 1024 to 60000.",
		},
		{
			Name: "adminHTTP", Value: address(&c.AdminHTTP), Default: "127.0.0.1:4002", Change: NewListener,
			Meaning: "The control listener for HTTP. Unset, its port is the second after that of `listen`, as with `admin`.",
		},
		{
			Name: "status", Value: boolean(&c.Status), Default: "true", Change: AtOnce,
			Meaning: "Whether the public listener answers `/lb-status`. False leaves the path to the app; the control listener for HTTP answers it all the same.",
		},
		{
			Name: "auth", Keys: authKeys(&c.Auth, checked),
			Meaning: "Who may use the control listeners. Unset: everyone who can reach them. Off loopback they need `tls.cert` and `tls.key`, and `tokenFile` or `tls.clientCA`. The files are relative to the config file, and are read again when they change.",
		},
	}
}

// authKeys are the keys of auth. The constructor makes the value of each from its
// field and what is to be checked of the file.
func authKeys(a *Auth, path func(field *string, check func(path string) error) Value) []Key {
	return []Key{
		{
			Name: "tokenFile", Value: path(&a.TokenFile, checkToken), Example: "token", Change: NewControl,
			Meaning: fmt.Sprintf("The file of the token that clients must send: %d to %d visible ASCII characters, not accessible to all users.", minToken, maxToken),
		},
		{
			Name:    "tls",
			Meaning: "Certificates in PEM form. With `cert` and `key`, both control listeners speak TLS.",
			Keys: []Key{
				{
					Name: "cert", Value: path(&a.TLS.Cert, checkReadable), Example: "cert.pem", Needs: []string{"key"}, Change: NewControl,
					Meaning: "The certificate of the control listeners, followed by any intermediate ones.",
				},
				{
					Name: "key", Value: path(&a.TLS.Key, checkPrivate), Example: "key.pem", Needs: []string{"cert"}, Change: NewControl,
					Meaning: "The private key of `cert`, not accessible to all users.",
				},
				{
					Name: "clientCA", Value: path(&a.TLS.ClientCA, checkCAs), Example: "ca.pem", Needs: []string{"cert", "key"}, Change: NewControl,
					Meaning: "The authorities that sign the certificates of clients. With it, every client must have one.",
				},
			},
		},
	}
}

// instanceKeys are about the life of an instance.
func instanceKeys(a *App) []Key {
	return []Key{
		{
			Name: "basePort", Value: whole(&a.BasePort, 1, maxPort), Default: "5001", Change: AtOnce,
			Meaning: "Each instance gets the lowest port from here up that is free, and that no instance of any app has. Unset, it is 1001 above the port of `listen`, as with `admin`.",
		},
		{
			Name: "health", Value: oneOf(&a.Health, "http", "grpc"), Default: "http", Change: RollingRestart,
			Meaning: "How an instance is asked whether it is ready: `http` requests `healthPath`, and `grpc` calls `grpc.health.v1.Health/Check` for the whole server, which must say SERVING. `grpc` needs `protocol: h2c` or `auto`.",
		},
		{
			Name: "healthPath", Value: target(&a.HealthPath), Default: "/health", Change: RollingRestart,
			Meaning: "The path of the health check. An answer of 2xx means ready. Any other takes the instance out of rotation, without stopping it.",
		},
		{
			Name: "livenessPath", Value: target(&a.LivenessPath), Example: "/live", Change: RollingRestart,
			Meaning: "The path of a second check. Four failures in a row, which are any answer but 2xx or none, replace the instance. Unset: an instance is replaced when it does not answer at `healthPath` and nothing shows that it works.",
		},
		{
			Name: "startTimeout", Value: duration(&a.StartTimeout, minWait), Default: "10s", Change: AtOnce,
			Meaning: "How long an instance may take to be ready for the first time. An instance whose health check answers 503 has not failed and gets longer.",
		},
		{
			Name: "stopTimeout", Value: duration(&a.StopTimeout, 0), Default: "5s", Change: AtOnce,
			Meaning: "The time from SIGTERM to SIGKILL. 0 means SIGKILL at once.",
		},
		{
			Name: "drainTimeout", Value: duration(&a.DrainTimeout, 0), Default: "30s", Change: AtOnce,
			Meaning: "How long requests in flight may take to finish before their instance stops. 0 means that they are cut off.",
		},
	}
}

// stopKeys are about the end of dynlb.
func stopKeys(c *Config) []Key {
	return []Key{
		{
			Name: "drainDelay", Value: durationOrAuto(&c.DrainDelay), Default: "auto", Change: AtOnce,
			Meaning: "How long dynlb still accepts connections when it is told to stop, while its readiness check fails: a balancer in front of it needs that time to notice. `auto` means 5 s as a service (under systemd, in Kubernetes, or as process 1), and 0 otherwise or on a terminal.",
		},
	}
}

// trafficKeys are about requests.
func trafficKeys(a *App) []Key {
	return []Key{
		{
			Name: "protocol", Value: oneOf(&a.Protocol, "http1", "h2c", "auto"), Default: "http1", Change: RollingRestart,
			Meaning: "What instances speak: `http1` is HTTP/1.1, `h2c` is HTTP/2 without TLS with prior knowledge, as apps of gRPC do, and `auto` means `h2c` for an instance that answers to it and `http1` otherwise. Clients may use either version with each. The std lane carries requests for an app with `h2c` or `auto`.",
		},
		{
			Name: "requestTimeout", Value: duration(&a.RequestTimeout, minWait), Default: "30s", Change: AtOnce,
			Meaning: "How long an instance may take to send its response header, and to accept a piece of the request before that.",
		},
		{
			Name: "keepAlive", Value: duration(&a.KeepAlive, 0), Default: "4s", Change: AtOnce,
			Meaning: "How long an idle connection to an instance may be used again. Instances that close idle connections earlier are noticed. 0 means a connection per request.",
		},
		{
			Name: "maxConcurrency", Value: wholeOrAuto(&a.MaxConcurrency, 0, maxCount), Default: "auto", Change: AtOnce,
			Meaning: "The largest number of requests in flight per instance; more wait in the queue. `auto` means as many as an instance works on at the same time, which dynlb finds out while it runs. 0 means no limit.",
		},
		{
			Name:    "queue",
			Meaning: "How requests wait for an instance.",
			Keys: []Key{
				{
					Name: "limit", Value: whole(&a.Queue.Limit, 0, maxCount), Default: "1024", Change: AtOnce,
					Meaning: "The largest number of requests that wait. 0 turns waiting off, which needs `minInstances` above 0.",
				},
				{
					Name: "timeout", Value: duration(&a.Queue.Timeout, minWait), Default: "10s", Change: AtOnce,
					Meaning: "How long a request may wait.",
				},
			},
		},
		stickyKey(&a.Sticky),
		{
			Name: "forwarded", Value: boolean(&a.Forwarded), Default: "false", Change: AtOnce,
			Meaning: "Whether instances get `Forwarded` (RFC 7239) besides `X-Forwarded-*`. It continues what one of the `trustedProxies` says, in either form.",
		},
	}
}

// processKeys are about the processes of an instance.
func processKeys(a *App) []Key {
	return []Key{
		{
			Name: "verifyPort", Value: boolean(&a.VerifyPort), Default: "true", Change: RollingRestart,
			Meaning: "Whether an instance is ready only if its own processes listen on its port. False is for apps that listen from another process tree.",
		},
		{
			Name: "user", Value: account(&a.User), Example: "nobody", Change: RollingRestart,
			Meaning: "The user, or `user:group`, that instances run as; dynlb must run as root. Unset: the user of dynlb.",
		},
		{
			Name: "maxRequests", Value: whole(&a.MaxRequests, 0, maxCount), Default: "0", Change: AtOnce,
			Meaning: "An instance that was given so many requests is replaced, a new one first. 0 means no limit.",
		},
		{
			Name: "maxAge", Value: duration(&a.MaxAge, 0), Default: "0", Change: AtOnce,
			Meaning: "An instance that is so old is replaced, a new one first. 0 means no limit.",
		},
		{
			Name: "maxMemory", Value: memory(&a.MaxMemory), Default: "0", Change: AtOnce,
			Meaning: "An instance that uses so much resident memory is replaced, a new one first. 0 means no limit.",
		},
	}
}
