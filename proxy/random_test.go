package proxy_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/internal/talk"
)

// TestRandomConversations: see package talk. Both engines pass the same.
func TestRandomConversations(t *testing.T) {
	t.Parallel()
	talk.Rounds(t, 120, func(t *testing.T, _ *talk.Talk, instances []string) string {
		var f *front
		t.Cleanup(func() { f.idle(t) }) // when it is shut down
		f = newProxy(t, setup{
			instances: instances, timeout: talk.Patience,
			options: proxy.Options{Settings: proxy.Settings{
				HeadTimeout: talk.Patience, BodyTimeout: talk.Patience,
			}},
		})
		return f.address
	})
}
