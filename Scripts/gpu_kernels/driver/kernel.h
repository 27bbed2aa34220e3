// What the driver knows of the kernels.
#pragma once
#include <cstddef>
#include <cstdint>

/// A device's memory: the address `base` + i is the byte `start`[i] of the processor's.
struct Memory {
    uint64_t base, bytes;
    char *start;
};

enum { COMPLAINT_BYTES = 256 };

struct Kernel {
    const char *name;
    /// Work-items of a group.
    unsigned threads;
    /// Of the struct that it takes.
    size_t argument_bytes;
    void (*body)(const void *arguments);
    Kernel *next;

    Kernel(const char *name, unsigned threads, size_t argument_bytes, void (*body)(const void *));
    static Kernel *find(const char *name);
    /// Runs all groups; what goes wrong stands in the complaint, which is empty where nothing does. One thread at a time.
    void run(const unsigned groups[3], const void *arguments, const Memory &memory, char complaint[COMPLAINT_BYTES]) const;
};
