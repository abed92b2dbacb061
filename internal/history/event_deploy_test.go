package history

import (
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
)

// TestDeployEventTypes: the events of a deploy have types of the service.
func TestDeployEventTypes(t *testing.T) {
	t.Parallel()
	for kind, want := range map[notice.EventType]dynlbv1.EventType{
		notice.Deploying:    dynlbv1.EventType_EVENT_TYPE_DEPLOYING,
		notice.Deployed:     dynlbv1.EventType_EVENT_TYPE_DEPLOYED,
		notice.DeployFailed: dynlbv1.EventType_EVENT_TYPE_DEPLOY_FAILED,
	} {
		if got := typeOf(kind); got != want {
			t.Errorf("event %d is %v, want %v", kind, got, want)
		}
	}
}
