//go:build linux

package fast

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/internal/talk"
)

// TestRandomConversations: see package talk. serve checks that a round leaves nothing
// behind.
func TestRandomConversations(t *testing.T) {
	talk.Rounds(t, 150, func(t *testing.T, talks *talk.Talk, instances []string) string {
		return serve(t, Options{
			Loops:    1 + int(talks.Seed%2),
			Settings: with(settings.Settings{HeadTimeout: talk.Patience, BodyTimeout: talk.Patience}),
		}, instances...).address
	})
}
