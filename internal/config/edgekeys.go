package config

import "slices"

// edgeKeys are the keys of Edge.
func edgeKeys(e *Edge) []Key {
	return slices.Concat(reportKeys(e), guardKeys(e), responseKeys(e))
}

// reportKeys are about what is known of a request.
func reportKeys(e *Edge) []Key {
	return []Key{
		{
			Name: "accessLog", Keys: accessLogKeys(&e.AccessLog),
			Meaning: "A line for each request to an app, apart from the log of dynlb.",
		},
		{
			Name: "requestID", Value: orNone(fieldName(&e.RequestID), &e.RequestID), Example: "X-Request-Id", Change: AtOnce,
			Meaning: "The field with the id of a request. It is taken from `trustedProxies` or made, and is in the request that the instance gets, in the response, in the access log and in log lines about the request. Unset, or `\"\"`: there is none.",
		},
		{
			Name: "serverTiming", Value: boolean(&e.ServerTiming), Default: "false", Change: AtOnce,
			Meaning: "Whether responses have a `Server-Timing` field with the time in the queue and that of the instance, which browsers show.",
		},
	}
}

func accessLogKeys(a *AccessLog) []Key {
	return []Key{
		{
			Name: "to", Value: orNone(appended(&a.To), &a.To), Example: "access.log", Change: AtOnce,
			Meaning: "The file, relative to the config file, or `stdout`. Unset, or `\"\"`: there is no access log. Several apps may have the same file. Lines that cannot be written fast enough are dropped, and counted in `dynlb_access_log_lines_dropped_total`.",
		},
		{
			Name: "format", Value: oneOf(&a.Format, "json", "combined"), Default: "json", Change: AtOnce,
			Meaning: "`json` is one object a line; `combined` is the format that Apache and nginx call so.",
		},
		{
			Name: "query", Value: boolean(&a.Query), Default: "false", Change: AtOnce,
			Meaning: "Whether queries are logged with the path. They may hold secrets.",
		},
		{
			Name: "maxSize", Value: size(&a.MaxSize, minRotated, maxRotated), Default: "100MiB", Change: AtOnce,
			Meaning: "The size, in whole MiB, at which a file is renamed and a new one begun. A program that renames it, such as logrotate, sends dynlb SIGUSR1 then, which opens it again.",
		},
		{
			Name: "keep", Value: whole(&a.Keep, 0, maxCount), Default: "10", Change: AtOnce,
			Meaning: "How many renamed files are kept. 0 means all.",
		},
	}
}

// The bounds of the size of a log file: one below is rotated too often to be read, and
// one above is larger than most tools open.
const minRotated, maxRotated = 1 << 20, 1 << 40

// guardKeys are about who may use the app.
func guardKeys(e *Edge) []Key {
	return []Key{
		{
			Name: "allow", Value: prefixes(&e.Allow), Default: "[]", Change: AtOnce,
			Meaning: "The networks whose clients may use the app, such as `[private, 203.0.113.0/24]`; others get a 403. `loopback` and `private` stand for networks. A client is the one that `trustedProxies` name. Empty: all clients may.",
		},
		{
			Name: "deny", Value: prefixes(&e.Deny), Default: "[]", Change: AtOnce,
			Meaning: "The networks whose clients may not use the app, whatever `allow` says.",
		},
		{
			Name: "basicAuth", Value: orNone(checked(&e.BasicAuth, checkUsers), &e.BasicAuth), Example: "users", Change: AtOnce,
			Meaning: "A file with lines of `name:password`, not accessible to all users: clients must send one of them (RFC 7617). A password is plain, or a hash of bcrypt as `htpasswd -B` makes it. The file is read again when it changes. Unset, or `\"\"`: clients need none.",
		},
		{
			Name:    "rateLimit",
			Meaning: "How many requests may be made. More get a 429 that says when to come back.",
			Keys: []Key{
				{
					Name: "client", Value: orNone(rate(&e.RateLimit.Client), &e.RateLimit.Client), Example: "20/s", Change: AtOnce,
					Meaning: "The requests of each client: an address of IPv4, or a /64 of IPv6.",
				},
				{
					Name: "app", Value: orNone(rate(&e.RateLimit.App), &e.RateLimit.App), Example: "1000/s", Change: AtOnce,
					Meaning: "The requests of all clients together.",
				},
				{
					Name: "burst", Value: whole(&e.RateLimit.Burst, 0, maxCount), Default: "0", Change: AtOnce,
					Meaning: "How many requests of `client`, or of `app`, may come at once. 0 means as many as in a second, at least one.",
				},
			},
		},
	}
}

// responseKeys are about what is done to responses.
func responseKeys(e *Edge) []Key {
	return []Key{
		{
			Name:    "headers",
			Meaning: "Changes of the fields of responses.",
			Keys: []Key{
				{
					Name: "set", Value: fields(&e.Headers.Set), Default: "{}", Change: AtOnce,
					Meaning: "Fields with their values, in place of those that the instance sends. The answers of dynlb itself get them, too.",
				},
				{
					Name: "remove", Value: fieldNames(&e.Headers.Remove), Default: "[]", Change: AtOnce,
					Meaning: "Fields that clients do not get, such as `[Server, X-Powered-By]`.",
				},
			},
		},
		{
			Name: "securityHeaders", Value: boolean(&e.SecurityHeaders), Default: "false", Change: AtOnce,
			Meaning: "Whether responses get `X-Content-Type-Options: nosniff`, `X-Frame-Options: SAMEORIGIN` and `Referrer-Policy: strict-origin-when-cross-origin`, each unless the instance sends its own.",
		},
		{
			Name: "maintenance", Value: switchOrPage(&e.Maintenance), Default: "false", Change: AtOnce,
			Meaning: "Whether the app is down for maintenance: all requests get a 503. A file is the page in HTML that browsers get. `dynlb pause` has requests wait instead.",
		},
		{
			Name: "errorPages", Value: pages(&e.ErrorPages), Default: "{}", Change: AtOnce,
			Meaning: "Pages in HTML for dynlb's own answers to requests for an app, by status, such as `{502: sorry.html, default: error.html}`. Clients that ask for `text/html` get them; those that ask for JSON get problem details (RFC 9457). The statuses are " + listOf(PageStatuses) + "; `default` stands for the others of them. The files are read again when they change.",
		},
		{
			Name: "compression", Value: boolean(&e.Compression), Default: "false", Change: AtOnce,
			Meaning: "Whether the content of responses is compressed, with zstd, br or gzip as the client prefers, unless the app has done that. It costs processor time: requests that accept it are carried by the std lane.",
		},
	}
}
