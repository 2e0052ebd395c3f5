#include "textflag.h"

// func cpuid(leaf, part uint32) (a, b, c, d uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL part+4(FP), CX
	CPUID
	MOVL AX, a+8(FP)
	MOVL BX, b+12(FP)
	MOVL CX, c+16(FP)
	MOVL DX, d+20(FP)
	RET

// func xgetbv() uint32
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, ret+0(FP)
	RET

// SUM adds the eight floats of a register to one; its upper half is X2.
#define SUM(y, x) \
	VEXTRACTF128 $1, y, X2 \
	VADDPS X2, x, x        \
	VHADDPS x, x, x        \
	VHADDPS x, x, x

// SUMINT adds the eight int32 of a register to one.
#define SUMINT(y, x) \
	VEXTRACTI128 $1, y, X8 \
	VPADDD X8, x, x        \
	VPHADDD x, x, x        \
	VPHADDD x, x, x

// func matVecAVX2(out, matrix, x *float32, n, rows, stride int)
// Four rows at a time share what is loaded of x; then the others, one by one. Rows are fetched 8192 bytes ahead, which
// doubles the speed where a matrix is larger than a cache.
TEXT ·matVecAVX2(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ matrix+8(FP), SI
	MOVQ x+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ rows+32(FP), R8
	MOVQ stride+40(FP), R9
	SHLQ $2, R9
	SHLQ $2, CX

four:
	CMPQ R8, $4
	JLT  one
	LEAQ (SI)(R9*1), R10
	LEAQ (SI)(R9*2), R11
	LEAQ (R10)(R9*2), R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	XORQ AX, AX

fourloop:
	PREFETCHT0 8192(SI)(AX*4)
	PREFETCHT0 8256(SI)(AX*4)
	PREFETCHT0 8320(SI)(AX*4)
	PREFETCHT0 8384(SI)(AX*4)
	VMOVUPS (DX)(AX*1), Y9
	VMOVUPS 32(DX)(AX*1), Y10
	VFMADD231PS (SI)(AX*1), Y9, Y0
	VFMADD231PS (R10)(AX*1), Y9, Y1
	VFMADD231PS (R11)(AX*1), Y9, Y3
	VFMADD231PS (R12)(AX*1), Y9, Y4
	VFMADD231PS 32(SI)(AX*1), Y10, Y5
	VFMADD231PS 32(R10)(AX*1), Y10, Y6
	VFMADD231PS 32(R11)(AX*1), Y10, Y7
	VFMADD231PS 32(R12)(AX*1), Y10, Y8
	ADDQ $64, AX
	CMPQ AX, CX
	JLT  fourloop
	VADDPS Y5, Y0, Y0
	VADDPS Y6, Y1, Y1
	VADDPS Y7, Y3, Y3
	VADDPS Y8, Y4, Y4
	SUM(Y0, X0)
	SUM(Y1, X1)
	SUM(Y3, X3)
	SUM(Y4, X4)
	VMOVSS X0, (DI)
	VMOVSS X1, 4(DI)
	VMOVSS X3, 8(DI)
	VMOVSS X4, 12(DI)
	ADDQ $16, DI
	LEAQ (SI)(R9*4), SI
	SUBQ $4, R8
	JMP  four

one:
	TESTQ R8, R8
	JZ   done
	VXORPS Y0, Y0, Y0
	VXORPS Y5, Y5, Y5
	XORQ AX, AX

oneloop:
	VMOVUPS (DX)(AX*1), Y9
	VMOVUPS 32(DX)(AX*1), Y10
	VFMADD231PS (SI)(AX*1), Y9, Y0
	VFMADD231PS 32(SI)(AX*1), Y10, Y5
	ADDQ $64, AX
	CMPQ AX, CX
	JLT  oneloop
	VADDPS Y5, Y0, Y0
	SUM(Y0, X0)
	VMOVSS X0, (DI)
	ADDQ $4, DI
	ADDQ R9, SI
	DECQ R8
	JMP  one

done:
	VZEROUPPER
	RET

// func matVecInt8AVX2(out *int32, matrix *int8, x *int16, n, rows, stride int)
TEXT ·matVecInt8AVX2(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ matrix+8(FP), SI
	MOVQ x+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ rows+32(FP), R8
	MOVQ stride+40(FP), R9

four8:
	CMPQ R8, $4
	JLT  one8
	LEAQ (SI)(R9*1), R10
	LEAQ (SI)(R9*2), R11
	LEAQ (R10)(R9*2), R12
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	XORQ AX, AX

four8loop:
	PREFETCHT0 8192(SI)(AX*4)
	VMOVDQU (DX)(AX*2), Y9
	VPMOVSXBW (SI)(AX*1), Y4
	VPMOVSXBW (R10)(AX*1), Y5
	VPMOVSXBW (R11)(AX*1), Y6
	VPMOVSXBW (R12)(AX*1), Y7
	VPMADDWD Y9, Y4, Y4
	VPMADDWD Y9, Y5, Y5
	VPMADDWD Y9, Y6, Y6
	VPMADDWD Y9, Y7, Y7
	VPADDD Y4, Y0, Y0
	VPADDD Y5, Y1, Y1
	VPADDD Y6, Y2, Y2
	VPADDD Y7, Y3, Y3
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  four8loop
	SUMINT(Y0, X0)
	SUMINT(Y1, X1)
	SUMINT(Y2, X2)
	SUMINT(Y3, X3)
	VMOVD X0, (DI)
	VMOVD X1, 4(DI)
	VMOVD X2, 8(DI)
	VMOVD X3, 12(DI)
	ADDQ $16, DI
	LEAQ (SI)(R9*4), SI
	SUBQ $4, R8
	JMP  four8

one8:
	TESTQ R8, R8
	JZ   done8
	VPXOR Y0, Y0, Y0
	XORQ AX, AX

one8loop:
	VPMOVSXBW (SI)(AX*1), Y4
	VPMADDWD (DX)(AX*2), Y4, Y4
	VPADDD Y4, Y0, Y0
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  one8loop
	SUMINT(Y0, X0)
	VMOVD X0, (DI)
	ADDQ $4, DI
	ADDQ R9, SI
	DECQ R8
	JMP  one8

done8:
	VZEROUPPER
	RET

// exp(t) = 2^n exp(r) with n = round(t / ln 2) and |r| <= ln 2 / 2; the polynomial is that of Cephes (Moshier 1989).
DATA lowest<>+0(SB)/4, $-87.33654
GLOBL lowest<>(SB), RODATA|NOPTR, $4
DATA highest<>+0(SB)/4, $88.37626
GLOBL highest<>(SB), RODATA|NOPTR, $4
DATA log2e<>+0(SB)/4, $1.44269504088896341
GLOBL log2e<>(SB), RODATA|NOPTR, $4
DATA ln2high<>+0(SB)/4, $0.693359375
GLOBL ln2high<>(SB), RODATA|NOPTR, $4
DATA ln2low<>+0(SB)/4, $-2.12194440e-4
GLOBL ln2low<>(SB), RODATA|NOPTR, $4
DATA p0<>+0(SB)/4, $1.9875691500e-4
GLOBL p0<>(SB), RODATA|NOPTR, $4
DATA p1<>+0(SB)/4, $1.3981999507e-3
GLOBL p1<>(SB), RODATA|NOPTR, $4
DATA p2<>+0(SB)/4, $8.3334519073e-3
GLOBL p2<>(SB), RODATA|NOPTR, $4
DATA p3<>+0(SB)/4, $4.1665795894e-2
GLOBL p3<>(SB), RODATA|NOPTR, $4
DATA p4<>+0(SB)/4, $1.6666665459e-1
GLOBL p4<>(SB), RODATA|NOPTR, $4
DATA p5<>+0(SB)/4, $5.0000001201e-1
GLOBL p5<>(SB), RODATA|NOPTR, $4
DATA unit<>+0(SB)/4, $1.0
GLOBL unit<>(SB), RODATA|NOPTR, $4

// func expAVX2(out, x *float32, n int, shift, scale float32)
TEXT ·expAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS shift+24(FP), Y14
	VBROADCASTSS scale+28(FP), Y15
	VBROADCASTSS lowest<>(SB), Y13
	VBROADCASTSS highest<>(SB), Y12
	VBROADCASTSS log2e<>(SB), Y11
	VBROADCASTSS ln2high<>(SB), Y10
	VBROADCASTSS ln2low<>(SB), Y9
	VBROADCASTSS unit<>(SB), Y8
	SHLQ $2, CX
	XORQ AX, AX

exploop:
	VMOVUPS (SI)(AX*1), Y0
	VSUBPS Y14, Y0, Y0
	VMULPS Y15, Y0, Y0
	VCMPPS $13, Y13, Y0, Y7      // whether it is not too low
	VMAXPS Y13, Y0, Y0
	VMINPS Y12, Y0, Y0
	VMULPS Y11, Y0, Y1
	VROUNDPS $8, Y1, Y1
	VFNMADD231PS Y10, Y1, Y0
	VFNMADD231PS Y9, Y1, Y0
	VMULPS Y0, Y0, Y2
	VBROADCASTSS p0<>(SB), Y3
	VBROADCASTSS p1<>(SB), Y4
	VFMADD213PS Y4, Y0, Y3
	VBROADCASTSS p2<>(SB), Y4
	VFMADD213PS Y4, Y0, Y3
	VBROADCASTSS p3<>(SB), Y4
	VFMADD213PS Y4, Y0, Y3
	VBROADCASTSS p4<>(SB), Y4
	VFMADD213PS Y4, Y0, Y3
	VBROADCASTSS p5<>(SB), Y4
	VFMADD213PS Y4, Y0, Y3
	VFMADD213PS Y0, Y2, Y3
	VADDPS Y8, Y3, Y3
	VCVTPS2DQ Y1, Y1
	VPSLLD $23, Y1, Y1
	VPADDD Y1, Y3, Y3            // times 2^n, by the exponent's bits
	VANDPS Y7, Y3, Y3
	VMOVUPS Y3, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, CX
	JLT  exploop
	VZEROUPPER
	RET

// func maxAVX2(x *float32, n int) float32
TEXT ·maxAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VMOVUPS (SI), Y0
	VMOVAPS Y0, Y1
	VMOVAPS Y0, Y2
	VMOVAPS Y0, Y3
	SHLQ $2, CX
	XORQ AX, AX

maxloop:
	VMAXPS (SI)(AX*1), Y0, Y0
	VMAXPS 32(SI)(AX*1), Y1, Y1
	VMAXPS 64(SI)(AX*1), Y2, Y2
	VMAXPS 96(SI)(AX*1), Y3, Y3
	ADDQ $128, AX
	CMPQ AX, CX
	JLT  maxloop
	VMAXPS Y1, Y0, Y0
	VMAXPS Y3, Y2, Y2
	VMAXPS Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VPERMILPS $0x4E, X0, X1
	VMAXPS X1, X0, X0
	VPERMILPS $0xB1, X0, X1
	VMAXPS X1, X0, X0
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func divideAVX2(out, x *float32, n int, by float32)
TEXT ·divideAVX2(SB), NOSPLIT, $0-28
	MOVQ out+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS by+24(FP), Y1
	SHLQ $2, CX
	XORQ AX, AX

divideloop:
	VMOVUPS (SI)(AX*1), Y0
	VDIVPS Y1, Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, CX
	JLT  divideloop
	VZEROUPPER
	RET
