package record

import "encoding/binary"

// Frame is a file of one frame with these bytes as its records.
func Frame(payload []byte) []byte {
	payload = payload[:min(len(payload), maxFrame)]
	b := append([]byte(magic), 0, version)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, castagnoli(payload))
	return append(b, payload...)
}
