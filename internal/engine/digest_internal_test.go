package engine

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What is new in the engine's state and decides something belongs into Digest, by
// which sim.Exhaust knows a state again; what decides nothing belongs here, to
// those that it leaves out.
func TestDigestKnowsEveryField(t *testing.T) {
	for _, tt := range []struct {
		of             any
		summed, leaves string
	}{
		{
			Engine{},
			"all whole paused pausedGroups started running draining stopped stalled dirty insts plan taskIDs actIDs instIDs Illegal chains",
			"cfg tasks topics claims groupLimits keyLimits given now at spares times Watched effects events reply",
		},
		{
			Task{},
			"ID Key paused spent gone quiet durable registered first state",
			"Terms Host Watched changed index follows",
		},
		{
			state{},
			"more phases scopes conds unmet polled wanted resumes waits pending held reserving active inherited heir limits wants " +
				"whilePaused missedPaused missedLast epoch",
			"keep slots limit grace one lone inLine timers stats",
		},
		{
			Act{},
			"ID Details Due Merged attempts epoch failures lastErr since waits had retrying cancels changed erased",
			"Task Origin Host expiry notYet last first",
		},
		{
			Instance{},
			"ID Act Task Attempt Started Deadline Life unbegun settled released given tidy reason canceled outcome",
			"Host Timed turn limits index place",
		},
	} {
		known := strings.Fields(tt.summed + " " + tt.leaves)
		for _, f := range reflect.VisibleFields(reflect.TypeOf(tt.of)) {
			if len(f.Index) == 1 && !slices.Contains(known, f.Name) {
				t.Errorf("%T.%s: does Digest sum it up, or may it leave it out?", tt.of, f.Name)
			}
		}
		for _, name := range known {
			if _, ok := reflect.TypeOf(tt.of).FieldByName(name); !ok {
				t.Errorf("%T has no field %s", tt.of, name)
			}
		}
	}
}
