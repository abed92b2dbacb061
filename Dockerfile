# dynlb alone, 26 MB: a base for an image with an app that needs nothing else. As process 1 it
# reaps what instances leave behind. For an app of Bun or Node see examples/docker.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /dynlb ./cmd/dynlb

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /dynlb /usr/bin/dynlb
ENV PATH=/usr/bin
EXPOSE 4000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/dynlb"]
CMD ["serve"]
