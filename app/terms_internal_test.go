package app

import (
	"reflect"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// Terms are alike only if nothing that a registration can say differs: a field
// of Registration that settings does not list fails here.
func TestTermsAreAlikeInEverything(t *testing.T) {
	base := tasks.Registration{Name: "x", Trigger: trigger.Every(time.Hour)}
	terms := func(r *tasks.Registration) *engine.Terms { return &new(termsCache).draft(r).Terms }
	same := terms(&base)
	if !alike(terms(&base), same) {
		t.Error("equal terms are not alike")
	}
	for i := range reflect.TypeFor[tasks.Registration]().NumField() {
		r := base
		field := reflect.ValueOf(&r).Elem().Field(i)
		name := reflect.TypeFor[tasks.Registration]().Field(i).Name
		switch name {
		case "Name", "Conditions": // nobody shares terms with conditions
			continue
		case "Trigger":
			r.Trigger = trigger.Every(time.Minute)
		case "Retry":
			r.Retry.Attempts = 2
		default:
			switch field.Kind() {
			case reflect.Bool:
				field.SetBool(true)
			case reflect.String:
				field.SetString("other")
			case reflect.Uint8:
				field.SetUint(1)
			default:
				field.SetInt(1)
			}
		}
		if alike(terms(&r), same) {
			t.Errorf("%s: terms that differ in it are alike", name)
		}
	}
}
