package kube

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// source follows the EndpointSlices of a Service. It is the store of a reflector, and keeps of
// each slice what the loop needs.
type source struct {
	client  *client
	service string
	port    portOf
	pace    *pace
	changed chan struct{} // capacity 1: the picture or what is known of its age has changed

	mu     sync.Mutex // guards all below
	slices map[string]slice
	whole  bool // the first picture is complete
	news   news
}

// news is how old the picture is.
type news struct {
	confirmed time.Time // when the API server last showed that the picture is up to date
	open      bool      // a watch is open
	err       string    // why none is, or why the API server does not answer; or ""
	refused   string    // why none may be: the slices are listed again and again; or ""
}

func newSource(c *client, to *Cluster, pace *pace) *source {
	return &source{
		client: c, service: to.Service, port: portOf(to.Port), pace: pace,
		changed: make(chan struct{}, 1), slices: map[string]slice{},
	}
}

// run follows the slices until ctx ends.
func (s *source) run(ctx context.Context) {
	// Cap is reached after a few steps, and stays: the API server answers a watch of each
	// balancer at once, so there is no reason to be gone for longer.
	backoff := &wait.Backoff{Duration: s.pace.retryMin, Cap: s.pace.retryMax, Factor: 1.6, Jitter: 0.3, Steps: 20}
	logger := klog.New(nil) // the errors are in news
	reflector := cache.NewReflectorWithOptions(s, &endpointSlice{}, s, cache.ReflectorOptions{Name: s.service, Backoff: backoff, Logger: &logger})
	var parts sync.WaitGroup
	parts.Go(func() { s.beat(ctx) })
	reflector.RunWithContext(klog.NewContext(ctx, logger))
	parts.Wait()
	s.client.idle()
}

// picture returns the endpoints, and what is wrong with them. ok is false before the first one.
func (s *source) picture() (all map[key]endpoint, problem string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return merge(s.slices), missingPort(s.slices, s.port), s.whole
}

// age returns how old the picture is.
func (s *source) age() news {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

// update changes what is known, and wakes the loop.
func (s *source) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Add implements cache.ReflectorStore.
func (s *source) Add(object any) error {
	from, ok := object.(*endpointSlice)
	if !ok {
		return fmt.Errorf("read event: %T is no EndpointSlice", object)
	}
	read := readSlice(from, s.port)
	s.update(func() { s.slices[from.Name] = read })
	return nil
}

// Update implements cache.ReflectorStore.
func (s *source) Update(object any) error { return s.Add(object) }

// Delete implements cache.ReflectorStore.
func (s *source) Delete(object any) error {
	if from, ok := object.(*endpointSlice); ok {
		s.update(func() { delete(s.slices, from.Name) })
	}
	return nil
}

// Replace implements cache.ReflectorStore: all slices are delivered again.
func (s *source) Replace(objects []any, _ string) error {
	all := make(map[string]slice, len(objects))
	for _, object := range objects {
		if from, ok := object.(*endpointSlice); ok {
			all[from.Name] = readSlice(from, s.port)
		}
	}
	s.update(func() {
		s.slices, s.whole = all, true
		s.news.confirmed = time.Now()
	})
	return nil
}

// Resync implements cache.ReflectorStore.
func (*source) Resync() error { return nil }

// options selects the slices of the Service.
func (s *source) options(o *metav1.ListOptions) {
	o.LabelSelector = labelServiceName + "=" + s.service
}

// List implements cache.ListerWatcher. The reflector calls the one with a context.
func (s *source) List(o metav1.ListOptions) (runtime.Object, error) {
	return s.ListWithContext(context.Background(), o)
}

// Watch implements cache.ListerWatcher. The reflector calls the one with a context.
func (s *source) Watch(o metav1.ListOptions) (watch.Interface, error) {
	return s.WatchWithContext(context.Background(), o)
}

// ListWithContext implements cache.ListerWatcherWithContext.
func (s *source) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	s.options(&o)
	all, err := s.client.Get().Namespace(s.client.namespace).Resource("endpointslices").
		VersionedParams(&o, metav1.ParameterCodec).Do(ctx).Get()
	if err != nil {
		s.failed(listSlices.explain(err))
	}
	return all, err
}

// WatchWithContext implements cache.ListerWatcherWithContext.
func (s *source) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	s.options(&o)
	o.Watch = true
	from, err := s.client.Get().Namespace(s.client.namespace).Resource("endpointslices").
		VersionedParams(&o, metav1.ParameterCodec).Watch(ctx)
	if err != nil {
		err = watchSlices.explain(err)
		s.failed(err)
		if apierrors.IsForbidden(err) {
			s.update(func() { s.news.refused = err.Error() })
		}
		return nil, err
	}
	return s.follow(from), nil
}

// failed notes why there is no news. The reflector reports nothing while connections are refused.
func (s *source) failed(err error) {
	s.update(func() { s.news.open, s.news.err = false, err.Error() })
}

// stream is a watch whose events pass through follow.
type stream struct {
	watch.Interface
	events chan watch.Event
	done   chan struct{}
	once   sync.Once
}

// ResultChan implements watch.Interface.
func (w *stream) ResultChan() <-chan watch.Event { return w.events }

// Stop implements watch.Interface.
func (w *stream) Stop() {
	w.once.Do(func() { close(w.done) })
	w.Interface.Stop()
}

// follow notes when a watch has delivered something, and when it ends.
func (s *source) follow(from watch.Interface) watch.Interface {
	w := &stream{Interface: from, events: make(chan watch.Event), done: make(chan struct{})}
	go func() { // ends with the watch, or with Stop
		defer close(w.events)
		for event := range from.ResultChan() {
			if event.Type != watch.Error {
				s.update(func() { s.news = news{confirmed: time.Now(), open: true} })
			}
			select {
			case w.events <- event:
			case <-w.done:
				s.failed(io.EOF)
				return
			}
		}
		s.failed(io.EOF)
	}()
	return w
}

// beat has the API server answer while a watch is open. A quiet cluster sends nothing over a
// watch for a minute, and a connection on which nothing arrives looks the same. The request
// takes the connection of the watch; the answer comes from memory and has one slice at most.
func (s *source) beat(ctx context.Context) {
	tick := time.NewTicker(s.pace.heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !s.age().open {
			continue
		}
		err := do(ctx, s.client.Get().Namespace(s.client.namespace).Resource("endpointslices").
			Param("labelSelector", labelServiceName+"="+s.service).Param("limit", "1").Param("resourceVersion", "0"), nil)
		s.update(func() {
			switch {
			case err != nil:
				s.news.err = listSlices.explain(err).Error()
			case s.news.open:
				s.news.confirmed, s.news.err = time.Now(), ""
			}
		})
	}
}
