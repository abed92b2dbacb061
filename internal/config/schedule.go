package config

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/schedule"
)

// unset is a number of instances that an entry of the schedule leaves to minInstances
// or maxInstances, until validate has resolved it.
const unset = -1

// boundsKeys are the keys that move the bounds of the number of instances.
func boundsKeys(a *App) []Key {
	return []Key{
		{
			Name: "schedule", Value: scheduleOf(&a.Schedule), Default: "[]", Change: AtOnce,
			Meaning: "Other bounds at times of the day and the week. The entry that ran last is in force, also when dynlb starts; an entry with `cron` alone brings `minInstances` and `maxInstances` back.",
		},
		{
			Name: "spareInstances", Value: whole(&a.SpareInstances, 0, maxPort), Default: "0", Change: AtOnce,
			Meaning: "How many instances are kept beyond those that the load needs, within `maxInstances`. With it, an app is not scaled to zero.",
		},
		{
			Name: "slowStart", Value: duration(&a.SlowStart, 0), Default: "0s", Change: AtOnce,
			Meaning: "In what time the share of a new instance in the requests grows from a tenth to that of the others, for programs that are slow at first. 0 means that it has its share at once.",
		},
		{
			Name: "brakes", Keys: brakesKeys(&a.Brakes),
			Meaning: "What keeps the load from adding instances that the machine cannot bear. `minInstances` and `dynlb scale` are not affected, nor is the first instance.",
		},
	}
}

// scheduleKeys are the keys of an entry of the schedule.
func scheduleKeys(e *scheduleEntry) []Key {
	return []Key{
		{
			Name: "cron", Value: expression(&e.cron), Example: `"0 8 * * 1-5"`, Required: true, Change: AtOnce,
			Meaning: "When the entry comes into force: minute, hour, day of the month, month and day of the week, as in crontab(5). Required.",
		},
		{
			Name: "minInstances", Value: whole(&e.low, 0, maxPort), Example: "6", Change: AtOnce,
			Meaning: "The smallest number of instances from then on. Unset: `minInstances` of the app.",
		},
		{
			Name: "maxInstances", Value: whole(&e.high, 1, maxPort), Example: "12", Change: AtOnce,
			Meaning: "The largest number of instances from then on. Unset: `maxInstances` of the app.",
		},
		{
			Name: "timezone", Value: timezone(&e.zone), Example: "Europe/Berlin", Change: AtOnce,
			Meaning: "The time zone of `cron`, by its name in the IANA database. Unset: that of the machine.",
		},
	}
}

// scheduleEntry is an entry of the schedule as it is written.
type scheduleEntry struct {
	cron      string
	low, high int
	zone      *time.Location
}

// scheduleOf is a list of entries.
func scheduleOf(field *schedule.Plan) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.SequenceNode {
			r.wrong(at, node, `a list of entries, such as [{cron: "0 8 * * 1-5", minInstances: 6}]`)
			return
		}
		var plan schedule.Plan
		for i, item := range node.Content {
			here := at.item(i, item.Line)
			if item = resolve(item); item.Kind != yaml.MappingNode {
				r.wrong(here, item, "a mapping with the keys "+names(scheduleKeys(new(scheduleEntry))))
				continue
			}
			if entry, ok := r.scheduleEntry(here, item); ok {
				plan = append(plan, entry)
			}
		}
		*field = plan
	}
	return Value{Kind: List, Item: scheduleKeys(new(scheduleEntry)), decode: decode}
}

// scheduleEntry reads one entry.
func (r *reader) scheduleEntry(at place, node *yaml.Node) (out schedule.Entry, ok bool) {
	e := scheduleEntry{low: unset, high: unset, zone: time.Local}
	before := len(r.problems)
	r.mapping(at.key+".", node, scheduleKeys(&e))
	if len(r.problems) > before {
		return out, false
	}
	where, ok := r.set[at.key+".cron"]
	if !ok {
		r.problem(at, `must have cron, such as "0 8 * * 1-5"`)
		return out, false
	}
	cron, err := schedule.Parse(e.cron, e.zone)
	if err != nil {
		r.problem(where, "must be a cron expression that runs; %s: %v", quote(e.cron), err)
		return out, false
	}
	return schedule.Entry{Cron: cron, Min: e.low, Max: e.high}, true
}

// expression is the text of a cron expression.
func expression(field *string) Value {
	return Value{Kind: Cron, decode: func(r *reader, at place, node *yaml.Node) {
		s, ok := text(node)
		if !ok {
			r.wrong(at, node, `a cron expression in quotes, such as "0 8 * * 1-5"`)
			return
		}
		*field = s
	}}
}

// timezone is the name of a time zone.
func timezone(field **time.Location) Value {
	return Value{Kind: Timezone, decode: func(r *reader, at place, node *yaml.Node) {
		if s, ok := text(node); ok && s != "" {
			if zone, err := time.LoadLocation(s); err == nil {
				*field = zone
				return
			}
		}
		r.wrong(at, node, "a time zone of the IANA database, such as Europe/Berlin or UTC")
	}}
}

// schedule resolves what the entries leave to the app, and checks their bounds.
func (s scope) schedule() {
	c := s.app
	if !s.good(s.key("schedule"), s.key("minInstances"), s.key("maxInstances"), s.key("basePort"), s.key("queue.limit")) {
		return
	}
	at := s.set[s.key("schedule")]
	c.Schedule = slices.Clone(c.Schedule) // apps may share it, and have other bounds
	for i := range c.Schedule {
		e := &c.Schedule[i]
		if e.Min == unset {
			e.Min = c.MinInstances
		}
		if e.Max == unset {
			e.Max = c.MaxInstances
		}
		here := at.item(i, at.line)
		if cron, ok := s.set[here.key+".cron"]; ok {
			here.line = cron.line
		}
		switch {
		case e.Min > e.Max:
			s.problem(here, "minInstances must be at most maxInstances; got %d and %d", e.Min, e.Max)
		case c.BasePort+e.Max > maxPort+1:
			s.problem(here, "basePort + maxInstances must be at most %d; got %d + %d", maxPort+1, c.BasePort, e.Max)
		case e.Min == 0 && c.Queue.Limit == 0:
			s.problem(here, "minInstances or queue.limit must be above 0; with 0 and 0 no request could wait for the first instance")
		}
	}
}
