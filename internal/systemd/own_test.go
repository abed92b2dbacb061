package systemd

import "testing"

func TestUnitOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		groups, unit string
		user         bool
	}{
		{"0::/system.slice/dynlb.service\n", "dynlb.service", false},
		{"0::/system.slice/shop.service/main\n", "shop.service", false},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/dynlb.service\n", "dynlb.service", true},
		{"4:memory:/\n1:name=systemd:/system.slice/dynlb.service\n0::/\n", "dynlb.service", false},
		{"0::/user.slice/user-1000.slice/session-2.scope\n", "", false},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope\n", "", false},
		{"", "", false},
	} {
		if unit, user := unitOf(c.groups); unit != c.unit || user != c.user {
			t.Errorf("%q: %q, %v; want %q, %v", c.groups, unit, user, c.unit, c.user)
		}
	}
}
