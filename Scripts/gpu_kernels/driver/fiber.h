// A place where a thread's work stands still while it does something else: a stack of its own.
#pragma once
#include <csetjmp>
#include <ucontext.h>

enum { STACK = 1 << 17 };

#if defined(__x86_64__)

// The registers that a call must keep go onto the stack, which is exchanged for the other.
extern "C" void fiber_exchange(void **from, void *to);
asm(".text\n.type fiber_exchange, @function\nfiber_exchange:\n"
    " pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    " movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
    " popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");

struct Fiber {
    void *top = nullptr;

    void begin(char *stack, void (*run)()) {
        // As after a call: eight bytes off a multiple of 16. Nobody returns from `run`.
        void **place = (void **)(stack + STACK) - 1;
        *--place = (void *)run;
        top = place - 6;
    }
    void go(Fiber &to) { fiber_exchange(&top, to.top); }
};

#else

struct Fiber {
    jmp_buf at;
    ucontext_t beginning;
    bool began = true;

    void begin(char *stack, void (*run)()) {
        getcontext(&beginning);
        beginning.uc_stack.ss_sp = stack;
        beginning.uc_stack.ss_size = STACK;
        beginning.uc_link = nullptr;
        makecontext(&beginning, run, 0);
        began = false;
    }
    void go(Fiber &to) {
        if (_setjmp(at)) return;
        if (to.began) _longjmp(to.at, 1);
        to.began = true;
        setcontext(&to.beginning);
    }
};

#endif
