package dialect

import "syscall"

// unreachable are the errors of a network on which the server can't be reached for now: by their names in Windows,
// WSAENETDOWN, WSAENETUNREACH, WSAECONNABORTED, WSAECONNRESET, WSAETIMEDOUT, WSAECONNREFUSED, WSAEHOSTDOWN and
// WSAEHOSTUNREACH. Most have none in package syscall.
var unreachable = []syscall.Errno{10050, 10051, 10053, 10054, 10060, 10061, 10064, 10065}
