package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/dynlb/dynlb/internal/fleet/probe"
)

// differences returns the config keys by which two programs differ.
func differences(a, b *Program) []string {
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"version", a.Version == b.Version},
		{"location", a.Location == b.Location},
		{"command", slices.Equal(a.Command, b.Command)},
		{"envFile", maps.Equal(a.FileEnv, b.FileEnv)},
		{"env", maps.Equal(a.Env, b.Env)},
		{"socket", a.onSocket() == b.onSocket()},
		{"workDir", a.WorkDir == b.WorkDir},
		{"user", a.User == b.User},
		{"health", a.GRPCHealth == b.GRPCHealth},
		{"protocol", a.Check == b.Check},
		{"healthPath", a.HealthPath == b.HealthPath},
		{"livenessPath", a.LivenessPath == b.LivenessPath},
		{"verifyPort", a.VerifyPort == b.VerifyPort},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// fingerprint is the same for programs without differences, also in another run of dynlb.
func (p *Program) fingerprint() string {
	text, _ := json.Marshal(struct { // of plain values
		Version, Location, WorkDir, User, HealthPath, LivenessPath string
		Command                                                    []string
		FileEnv, Env                                               map[string]string
		Socket, GRPCHealth, VerifyPort                             bool
		Check                                                      probe.Check
	}{
		p.Version, p.Location, p.WorkDir, p.User, p.HealthPath, p.LivenessPath,
		append([]string{}, p.Command...), p.FileEnv, p.Env, p.onSocket(), p.GRPCHealth, p.VerifyPort, p.Check,
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
