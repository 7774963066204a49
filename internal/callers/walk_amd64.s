//go:build gc && !purego

#include "textflag.h"

// func walk(pcs *uintptr, n int) int
TEXT ·walk(SB), NOSPLIT|NOFRAME, $0-24
	MOVQ pcs+0(FP), DI
	MOVQ n+8(FP), SI
	MOVQ (TLS), R8  // the goroutine, which begins with the bounds of its stack
	MOVQ 0(R8), R9
	MOVQ 8(R8), R10
	SUBQ $16, R10
	MOVQ BP, BX     // the caller's frame pointer
	XORQ AX, AX

next:
	CMPQ AX, SI
	JGE  done
	CMPQ BX, R9
	JCS  done
	CMPQ BX, R10
	JHI  done
	MOVQ 8(BX), CX  // above it lies the return address
	MOVQ CX, (DI)(AX*8)
	INCQ AX
	MOVQ (BX), CX   // at it, the frame pointer of the caller's caller
	CMPQ CX, BX
	JLS  done
	MOVQ CX, BX
	JMP  next

done:
	MOVQ AX, ret+16(FP)
	RET
