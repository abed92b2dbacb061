package cli

import (
	"fmt"
	"io"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// nearExpiry is how long before its expiry a certificate is shown as a problem. By then
// one that is renewed on its own has failed to be for weeks.
const nearExpiry = 7 * 24 * time.Hour

// certificates writes a line for each certificate of the public listener.
func (v view) certificates(w io.Writer, list []*dynlbv1.Certificate) {
	for _, c := range list {
		text, colour := fmt.Sprintf("certificate %s (%s): ", c.GetName(), c.GetSource()), ""
		switch expiry := c.GetExpireTime(); {
		case expiry == nil:
			text, colour = text+"none yet", red
		default:
			left := time.Until(expiry.AsTime())
			text += fmt.Sprintf("expires %s, in %s", expiry.AsTime().Local().Format(time.DateTime), days(left))
			if left < nearExpiry && c.GetSource() != "internal" {
				colour = yellow
			}
			if left <= 0 {
				text = fmt.Sprintf("certificate %s (%s): expired %s", c.GetName(), c.GetSource(), expiry.AsTime().Local().Format(time.DateTime))
			}
		}
		if problem := c.GetError(); problem != "" {
			text, colour = text+": "+problem, red
		}
		v.line(w, text, colour)
	}
}

// days returns a time in days, or in hours if it is less than two days.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f d", d.Hours()/24)
}
