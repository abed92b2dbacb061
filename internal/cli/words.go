package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
)

// otherWords are words of other process managers, above all PM2, that are no commands of
// dynlb, and what to use in their place. Words that mean the same as a command of dynlb
// are aliases of it.
var otherWords = map[string]string{
	"start":          "'dynlb serve' runs the app that config.yaml describes, and 'dynlb service install' does so at each boot",
	"delete":         "'dynlb stop' ends dynlb with all instances, 'dynlb scale N' keeps N of them, and 'dynlb service remove' ends a service for good",
	"del":            "'dynlb stop' ends dynlb with all instances, 'dynlb scale N' keeps N of them, and 'dynlb service remove' ends a service for good",
	"kill":           "'dynlb stop --now' ends dynlb and its instances at once",
	"flush":          "there is nothing to flush: logs.maxSize, logs.maxTotal and logs.maxAge of the config bound what is kept",
	"reloadLogs":     "SIGUSR1 has dynlb open its access log again; the output of instances is rotated by dynlb itself",
	"save":           "there is nothing to save: config.yaml is what dynlb starts again with",
	"dump":           "there is nothing to save: config.yaml is what dynlb starts again with",
	"resurrect":      "'dynlb service install' has systemd start dynlb at each boot, with config.yaml",
	"startup":        "'dynlb service install' has systemd start dynlb at each boot ('--user': without root)",
	"unstartup":      "'dynlb service remove' removes the service",
	"describe":       "'dynlb status -o full' has all that is known, and 'dynlb explain' says why there are as many instances",
	"desc":           "'dynlb status -o full' has all that is known, and 'dynlb explain' says why there are as many instances",
	"info":           "'dynlb status -o full' has all that is known, and 'dynlb explain' says why there are as many instances",
	"show":           "'dynlb status -o full' has all that is known, and 'dynlb explain' says why there are as many instances",
	"jlist":          "'dynlb status -o json' lists the instances as JSON, and 'dynlb ls -o json' all dynlb of the machine",
	"prettylist":     "'dynlb status -o json' lists the instances as JSON, and 'dynlb ls -o json' all dynlb of the machine",
	"gracefulReload": "'dynlb restart' replaces all instances without losing a request",
	"sendSignal":     "'dynlb restart' replaces all instances, and 'dynlb drain INSTANCE' one; kill(1) signals a process",
	"reset":          "there is nothing to reset: the counters begin with dynlb",
	"update":         "'dynlb upgrade' replaces dynlb by another binary without losing a request",
	"plus":           "the dashboard is at adminHTTP of the config, http://127.0.0.1:4002 by default",
	"web":            "the dashboard is at adminHTTP of the config, http://127.0.0.1:4002 by default",
	"env":            "'env' and 'envFile' of the config are the environment of the instances",
	"pid":            "'dynlb ls' has the process ids of dynlb, and 'dynlb status' those of the instances",
	"ecosystem":      "'dynlb init' writes config.yaml, which takes the place of ecosystem.config.js, and 'dynlb check' checks it",
}

// newOtherWords returns a hidden command for each of these words, which says what to use.
func newOtherWords() (all []*cobra.Command) {
	for word, use := range otherWords {
		all = append(all, &cobra.Command{
			Use: word, Hidden: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
			Short: "Say what to use in place of " + word,
			RunE: func(*cobra.Command, []string) error {
				return usageError{fmt.Errorf("there is no 'dynlb %s': %s", word, use)}
			},
		})
	}
	return all
}

// nearest returns the command whose name or alias differs least from a word; "" if none
// is near.
func nearest(parent *cobra.Command, word string) (name string) {
	best := -1
	for _, c := range parent.Commands() {
		if c.Hidden {
			continue
		}
		for _, candidate := range append(slices.Clone(c.Aliases), c.Name()) {
			if d, near := config.Distance(word, candidate); near && d < len(candidate) && (best < 0 || d < best) {
				best, name = d, candidate
			}
		}
	}
	return name
}
