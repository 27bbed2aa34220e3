// What dialect.h defines and is another thing here: a kernel is known by its name, and an address is looked at before it's used.
#undef KERNEL
#define KERNEL(NAME, ARGUMENTS, THREADS)                                                                                       \
    static void NAME##_body(const ARGUMENTS &p);                                                                               \
    static Kernel NAME##_kernel(#NAME, THREADS, sizeof(ARGUMENTS), [](const void *p) { NAME##_body(*(const ARGUMENTS *)p); }); \
    static void NAME##_body(const ARGUMENTS &p)
#undef POINTER
#define POINTER(TYPE, ADDRESS) ((TYPE *)emulation::pointer(ADDRESS))
