// Package record writes down what goes into an App that runs, and what it does,
// to a file that is small, bounded and safe to read after a crash: the incident
// of the night is on disk in the morning, and sim.ReplayFile lives it again as
// a test.
//
//	rec, err := record.Create("/var/lib/orders/bgloop.rec")
//	if err != nil {
//		return err
//	}
//	defer rec.Close()
//	a := app.New(app.WithWitness(rec))
//
// The next run keeps what the last one has recorded: see Create.
//
// Recorded are registrations, firings and where they came from, changes of
// conditions, outcomes of handlers with their times, cancels, pauses, readings
// of the clock and its jumps; and beside these inputs the events of the App.
// Details of firings are not, unless WithCodec says how.
//
// The App never waits for the disk: what it does is put into memory and written
// from there, a moment later, by a goroutine of the clock's. What a writer that
// is too slow leaves no room for is left out, and counted.
//
// An App with a store begins where its last run ended, and so does its
// recording: what the store had for it then is recorded as well, as it was kept,
// but for the details of activations and what the program keeps there itself. So
// nothing else is needed to live it again. See sim.Recording.
//
// # The file
//
// A file is eight bytes, "bgloop" and a version of two bytes, and then frames: a
// length and a CRC-32C of four bytes each, little-endian, and so many bytes of
// records. A frame that is cut short, or whose sum is wrong, is taken as the
// end: that is what a killed process leaves. In a frame, numbers are varints,
// instants are differences to the one before, and names are written once.
package record
