// Answers CPUID for libraries whose instruction was replaced by hide_avx512.py with a trap: as the CPU does, but without
// AVX-512 and what builds on it (leaf 7 in "Intel 64 and IA-32 Architectures Software Developer's Manual", CPUID).
// To be preloaded.
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define BIT(n) (1u << (n))
// F, DQ, IFMA, PF, ER, CD, BW, VL
#define EXTENDED_EBX (BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31))
// VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ
#define EXTENDED_ECX (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))
// 4VNNIW, 4FMAPS, VP2INTERSECT, AMX-BF16, FP16, AMX-TILE, AMX-INT8
#define EXTENDED_EDX (BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25))
// BF16, AMX-FP16, both in subleaf 1
#define EXTENDED_EAX (BIT(5) | BIT(21))
// AMX-COMPLEX, AVX10, both in subleaf 1
#define FURTHER_EDX (BIT(8) | BIT(19))

static void answer(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint32_t leaf = (uint32_t)registers[REG_RAX], subleaf = (uint32_t)registers[REG_RCX], a, b, c, d;
    __cpuid_count(leaf, subleaf, a, b, c, d);
    if (leaf == 7 && subleaf == 0) b &= ~EXTENDED_EBX, c &= ~EXTENDED_ECX, d &= ~EXTENDED_EDX;
    if (leaf == 7 && subleaf == 1) a &= ~EXTENDED_EAX, d &= ~FURTHER_EDX;
    registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
}

__attribute__((constructor)) static void listen(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGTRAP, &action, NULL) != 0) {
        perror("hide_avx512");
        exit(70);
    }
}
