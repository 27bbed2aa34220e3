// What all calls have in common: they are counted, one happens at a time, and one of them fails where somebody has told it to.
#pragma once
#include "objects.h"

#define API extern "C" __attribute__((visibility("default"))) int

namespace driver {

inline std::mutex lock;
inline thread_local Device *current;
/// Which call fails, of the process and of the thread, and how.
struct Fault { int64_t call; int error; };
inline Fault fault;
inline thread_local Fault own_fault;

/// Counts a call; the error that it's told to have, if it is.
inline int told() {
    count("calls");
    if (all_counts()["calls"] == fault.call) return fault.error;
    return own_counts()["calls"] == own_fault.call ? own_fault.error : OK;
}

/// A call: one at a time.
template <class Body> int call(Body body) {
    std::lock_guard<std::mutex> guard(lock);
    if (const int error = told()) return error;
    return body();
}

/// A call that needs a context.
template <class Body> int call_on_device(Body body) {
    return call([&]() -> int {
        if (!current || !current->retained) return INVALID_CONTEXT;
        return current->failed ? current->failed : body(*current);
    });
}

/// A call that gives something back, which it does whatever it returns: "may also return error codes from previous, asynchronous launches".
template <class Body> int call_giving_back(Body body) {
    std::lock_guard<std::mutex> guard(lock);
    const int error = told();
    if (!current || !current->retained) return INVALID_CONTEXT;
    const int code = body(*current);
    return error ? error : current->failed ? current->failed : code;
}

/// The block of pinned memory that has all of these bytes; without one the driver would copy before it returns, and slowly.
inline std::shared_ptr<Pinned> pinned(const void *memory, size_t bytes) {
    auto block = Pinned::holding(memory, bytes);
    if (!block) count("violations: copies of memory that isn't pinned");
    return block;
}

}  // namespace driver
