package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// MaxRecord is how many bytes key and value of a record may have together.
const MaxRecord = 64 << 20

// Errors of Decode.
var (
	// ErrTorn: the bytes end before the record does. It is the last, and its
	// writing was cut short.
	ErrTorn = errors.New("store: record is cut short")
	// ErrCorrupt: the bytes are not those that were written.
	ErrCorrupt = errors.New("store: record is damaged")
	// ErrVersion: the record was written by a later version of this package.
	ErrVersion = errors.New("store: record has an unknown version")
)

// A frame is a record as bytes. All numbers are little endian.
//
//	version   1 byte, 1
//	length    4 bytes, of what follows the sum
//	sum       4 bytes, CRC-32C of the version, the length and what follows
//	kind      1 byte
//	key       its length as a uvarint, and its bytes
//	value     the rest
const (
	version = 1
	header  = 9
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // made once, by crc32

// Encode appends r to buf as bytes that tell where they end and whether they are
// whole. Stores that are files share this form.
func Encode(buf []byte, r Record) []byte {
	start := len(buf)
	buf = append(buf, version, 0, 0, 0, 0, 0, 0, 0, 0, byte(r.Kind))
	buf = binary.AppendUvarint(buf, uint64(len(r.Key)))
	buf = append(buf, r.Key...)
	buf = append(buf, r.Value...)
	frame := buf[start:]
	binary.LittleEndian.PutUint32(frame[1:], uint32(len(frame)-header)) //nolint:gosec // MaxRecord
	binary.LittleEndian.PutUint32(frame[5:], sum(frame))
	return buf
}

// Size is how many bytes Encode adds for r.
func Size(r Record) int {
	var key [binary.MaxVarintLen64]byte
	return header + 1 + binary.PutUvarint(key[:], uint64(len(r.Key))) + len(r.Key) + len(r.Value)
}

// Decode reads the record at the start of data and says how many bytes it has.
// The Value is a part of data. The error is ErrTorn, ErrCorrupt or ErrVersion;
// no data at all is ErrTorn.
func Decode(data []byte) (r Record, n int, err error) {
	if len(data) == 0 {
		return Record{}, 0, ErrTorn
	}
	if data[0] != version {
		if data[0] > version && data[0] < 0x20 {
			return Record{}, 0, ErrVersion
		}
		return Record{}, 0, ErrCorrupt
	}
	if len(data) < header {
		return Record{}, 0, ErrTorn
	}
	length := binary.LittleEndian.Uint32(data[1:])
	if length > MaxRecord+16 {
		return Record{}, 0, ErrCorrupt
	}
	n = header + int(length)
	if len(data) < n {
		return Record{}, 0, ErrTorn
	}
	frame := data[:n]
	if binary.LittleEndian.Uint32(frame[5:]) != sum(frame) {
		return Record{}, 0, ErrCorrupt
	}
	body := frame[header:]
	if len(body) < 2 {
		return Record{}, 0, ErrCorrupt
	}
	key, used := binary.Uvarint(body[1:])
	rest := body[1+max(used, 0):]
	if used <= 0 || key > uint64(len(rest)) {
		return Record{}, 0, ErrCorrupt
	}
	return Record{Kind: Kind(body[0]), Key: string(rest[:key]), Value: rest[key:]}, n, nil
}

func sum(frame []byte) uint32 {
	s := crc32.Update(0, castagnoli(), frame[:5])
	return crc32.Update(s, castagnoli(), frame[header:])
}
