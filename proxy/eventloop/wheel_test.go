//go:build linux

package eventloop

import (
	"math/rand/v2"
	"testing"
)

// alarm is an owner of a.Timer.
type alarm struct {
	Timer
	rang int // how often it expired
}

func (a *alarm) Expired() { a.rang++ }

// TestWheel: every timer expires once, not before it is due, and at most two
// ticks after, however it is moved, and however far time leaps.
func TestWheel(t *testing.T) {
	t.Parallel()
	const tick = 1 << tickBits
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		now := int64(1+random.IntN(100)) * tick
		w := &wheel{done: now >> tickBits}
		alarms := make([]*alarm, 50)
		for i := range alarms {
			alarms[i] = &alarm{}
			alarms[i].Owner = alarms[i]
		}
		for range 2000 {
			a := alarms[random.IntN(len(alarms))]
			switch random.IntN(8) {
			case 0:
				a.Clear()
			case 1:
				w.take(&a.Timer)
				a.Clear()
			default:
				w.set(&a.Timer, now+1+random.Int64N(2*slots*tick))
			}
			due := map[*alarm]bool{}
			leap := int64(random.IntN(3 * tick))
			if random.IntN(50) == 0 {
				leap = random.Int64N(3 * slots * tick)
			}
			now += leap
			for _, a := range alarms {
				a.rang = 0
				if a.at != 0 && a.at <= now-2*tick {
					due[a] = true
				}
			}
			before := map[*alarm]int64{}
			for _, a := range alarms {
				before[a] = a.at
			}
			w.advance(now)
			for _, a := range alarms {
				if a.rang > 1 || a.rang == 1 && (before[a] == 0 || before[a] > now) || a.rang == 0 && due[a] {
					t.Fatalf("due at %d, expired %d times at %d", before[a], a.rang, now)
				}
			}
			if until := w.until(now); until >= 0 {
				for _, a := range alarms {
					if a.at != 0 && a.at < now+int64(until-1)*1e6-2*tick {
						t.Fatalf("sleeps for %d ms, but something is due in %d ns", until, a.at-now)
					}
				}
			}
		}
		for _, a := range alarms {
			w.take(&a.Timer)
		}
		if w.next() != -1 || w.used != [slots / 64]uint64{} {
			t.Fatal("something is left in the wheel")
		}
	}
}
