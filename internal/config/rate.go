package config

import (
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// Rate is a number of requests in a time. It is zero for no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// rateForm is a number of requests per second, minute or hour.
var rateForm = pattern.New(`^([1-9]\d{0,8})/([smh])$`)

var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

// rate is a number of requests in a time.
func rate(field *Rate) Value {
	return Value{Kind: PerTime, decode: func(r *reader, at place, node *yaml.Node) {
		s, _ := text(node)
		m := rateForm().FindStringSubmatch(s)
		if m == nil {
			r.wrong(at, node, "a number of requests per second, minute or hour, such as 20/s or 600/m")
			return
		}
		n, _ := strconv.Atoi(m[1]) // the form allows nothing else
		*field = Rate{n, rateUnits[m[2]]}
	}}
}
