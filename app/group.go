package app

// A Group keeps the registrations of one library inside a host App apart: names
// are its own, its handlers are its own, and calls on the App do not see them.
// Its OnBackgroundActivated is used instead of the App's.
type Group struct {
	registry
}

// Group returns the group of that ID, and makes it if there is none. The ID is
// free text, best one that nobody else would choose, such as an import path. An
// empty ID panics: that is the App itself.
func (a *App) Group(id string) *Group {
	if id == "" {
		panic("app: Group: ID is empty")
	}
	a.groupsMu.Lock()
	defer a.groupsMu.Unlock()
	g := a.groups[id]
	if g == nil {
		g = new(Group)
		g.init(a, id)
		a.groups[id] = g
	}
	return g
}

// ID is the group's.
func (g *Group) ID() string { return g.group }
