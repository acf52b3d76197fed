// Package tasks says what runs: a Registration (what the user asks for), a
// Handler (what answers it), an Instance (one attempt to run it), and the
// lifecycle that every instance goes through.
//
// It never runs anything itself; app does. The lifecycle, as generated from its
// declaration, is drawn in docs/lifecycle.md.
package tasks
