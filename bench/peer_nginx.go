package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// nginxConfig arguments: user line, folder, workers, origins, listen address,
// the rest of that line.
//
// keepalive_requests is nginx's only other limit in play: by default it closes
// a connection after 1,000 requests. The cache of upstream connections holds
// all that the load has. The buffers keep bodies of the load off the disk.
const nginxConfig = `
daemon off;
%[1]spid %[2]s/nginx.pid;
error_log stderr error;
worker_processes %[3]d;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_buffer_size 32k;
	proxy_max_temp_file_size 0;
	proxy_buffers 16 64k;
	proxy_busy_buffers_size 256k;
	client_body_temp_path %[2]s/client;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	keepalive_requests 1000000000;
	upstream origins {
		least_conn;
%[4]s
		keepalive 256;
		keepalive_requests 1000000000;
	}
	server {
		listen %[5]s%[6]s
		location / {
			proxy_pass http://origins;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Host $http_host;
			proxy_set_header X-Forwarded-Proto $scheme;
		}
		location = /tunnel {
			proxy_pass http://origins;
			proxy_http_version 1.1;
			proxy_set_header Connection upgrade;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Host $http_host;
		}
	}
}
`

func startNginx(ctx context.Context, s *site) (target, error) {
	path, err := installed("nginx")
	if err != nil {
		return target{}, err
	}
	port, err := freePorts(1)
	if err != nil {
		return target{}, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // or the workers could not enter the folder
	}
	tls := " backlog=4096;"
	if s.tls != nil { // a cache of sessions is not on by default, and all peers have tickets
		tls = fmt.Sprintf(" ssl backlog=4096;\n\t\tssl_certificate %s;\n\t\tssl_certificate_key %s;\n\t\tssl_protocols TLSv1.3;",
			s.tls.cert, s.tls.key)
	}
	file, err := s.write("nginx.conf", fmt.Sprintf(nginxConfig, user, s.dir, workers,
		eachOrigin(s, "\t\tserver %[2]s;"), loopback(port), tls))
	if err != nil {
		return target{}, err
	}
	t, err := startListening(ctx, s, "nginx", loopback(port),
		exec.Command(path, "-p", s.dir, "-c", file, "-e", "stderr"))
	t.version = programVersion(ctx, path, "-v")
	return t, err
}
