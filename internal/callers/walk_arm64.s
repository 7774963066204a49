//go:build gc && !purego

#include "textflag.h"

// func walk(pcs *uintptr, n int) int
TEXT ·walk(SB), NOSPLIT|NOFRAME, $0-24
	MOVD pcs+0(FP), R0
	MOVD n+8(FP), R1
	MOVD 0(g), R2  // the goroutine begins with the bounds of its stack
	MOVD 8(g), R3
	SUB  $16, R3
	MOVD R29, R4   // the caller's frame pointer
	MOVD $0, R5

next:
	CMP  R1, R5
	BGE  done
	CMP  R2, R4
	BLO  done
	CMP  R3, R4
	BHI  done
	MOVD 8(R4), R6 // above it lies the return address
	MOVD R6, (R0)
	ADD  $8, R0
	ADD  $1, R5
	MOVD (R4), R6  // at it, the frame pointer of the caller's caller
	CMP  R4, R6
	BLS  done
	MOVD R6, R4
	B    next

done:
	MOVD R5, ret+16(FP)
	RET
