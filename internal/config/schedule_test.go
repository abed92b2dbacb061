package config

import (
	"strings"
	"testing"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	c, err := Parse("config.yaml", []byte(`
maxInstances: 9
schedule:
  - {cron: "0 8 * * 1-5", minInstances: 6, maxInstances: 12, timezone: Europe/Berlin}
  - {cron: "0 20 * * *", timezone: Europe/Berlin}
  - cron: 0 0 * * sat
    minInstances: 0
`), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]int{{6, 12}, {2, 9}, {0, 9}}
	if len(c.Schedule) != len(want) || c.InstanceLimit() != 12 {
		t.Fatalf("%+v, at most %d", c.Schedule, c.InstanceLimit())
	}
	for i, e := range c.Schedule {
		if e.Min != want[i][0] || e.Max != want[i][1] {
			t.Errorf("entry %d: %d to %d, want %v", i, e.Min, e.Max, want[i])
		}
	}
	if got := c.Schedule[0].Cron.String(); got != `"0 8 * * 1-5" Europe/Berlin` {
		t.Errorf("entry 0 is %s", got)
	}
}

func TestScheduleProblems(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"schedule: 5":                      "schedule: must be a list of entries",
		"schedule: [5]":                    "schedule[0]: must be a mapping with the keys cron",
		"schedule: [{}]":                   "schedule[0]: must have cron",
		"schedule: [{cron: 5}]":            "schedule[0].cron: must be a cron expression in quotes",
		`schedule: [{cron: "0 0 30 2 *"}]`: "never runs",
		`schedule: [{cron: "0 25 * * *"}]`: `hour "25"`,
		`schedule: [{cron: "0 0 * * *", timezone: Mars/Base}]`:                     "schedule[0].timezone: must be a time zone",
		`schedule: [{cron: "0 0 * * *", timezone: ""}]`:                            "must be a time zone",
		`schedule: [{cron: "0 0 * * *", zone: UTC}]`:                               "schedule[0].zone: unknown key",
		`schedule: [{cron: "0 0 * * *", minInstances: 9}]`:                         "got 9 and 8",
		`schedule: [{cron: "0 0 * * *", maxInstances: 1}]`:                         "got 2 and 1",
		`schedule: [{cron: "0 0 * * *", maxInstances: 65535}]`:                     "basePort + maxInstances must be at most",
		`schedule: [{cron: "0 0 * * *", minInstances: 0}]` + "\nqueue: {limit: 0}": "no request could wait",
	} {
		_, err := Parse("config.yaml", []byte(yaml), t.TempDir(), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", yaml, err, want)
		}
	}
}
