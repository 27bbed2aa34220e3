// Included behind the sources: running one of them.

static Kernel *first;

Kernel::Kernel(const char *name, unsigned threads, size_t argument_bytes, void (*body)(const void *))
    : name(name), threads(threads), argument_bytes(argument_bytes), body(body), next(first) {
    first = this;
}

Kernel *Kernel::find(const char *name) {
    for (Kernel *kernel = first; kernel; kernel = kernel->next)
        if (!strcmp(kernel->name, name)) return kernel;
    return nullptr;
}

void Kernel::run(const unsigned groups[3], const void *p, const Memory &memory, char complaint[COMPLAINT_BYTES]) const {
    emulation::body = body, emulation::arguments = p, emulation::memory = &memory, emulation::complaint = complaint;
    emulation::threads = threads;
    *complaint = 0;
    gridDim = {groups[0], groups[1], groups[2]};
    for (unsigned z = 0; z < groups[2]; z++)
        for (unsigned y = 0; y < groups[1]; y++)
            for (unsigned x = 0; x < groups[0] && !*complaint; x++) {
                blockIdx = {x, y, z};
                // Every other group begins with its last work-item, so that nobody gets by with the order of turns.
                emulation::run_group((x + y + z) % 2);
            }
}
