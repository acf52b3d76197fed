package condition

import (
	"syscall"
	"unsafe"
)

// diskFree is how many bytes the user of this process can still write.
func diskFree(path string) (uint64, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	dll, err := syscall.LoadDLL("kernel32.dll")
	if err != nil {
		return 0, err
	}
	proc, err := dll.FindProc("GetDiskFreeSpaceExW")
	if err != nil {
		return 0, err
	}
	var free uint64
	ok, _, err := proc.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&free)), 0, 0)
	if ok == 0 {
		return 0, err
	}
	return free, nil
}
