// The driver's streams and events, its memory, and what is queued.
#include "calls.h"

using namespace driver;

// MARK: Streams and events

API cuStreamCreate(void **stream, unsigned flags) {
    return call_on_device([&](Device &device) {
        if (flags > 1) return INVALID_VALUE;
        *stream = device.make_stream();
        return OK;
    });
}
API cuStreamDestroy_v2(void *stream) {
    return call_giving_back([&](Device &device) { return device.destroy((Stream *)stream), OK; });
}
API cuStreamSynchronize(void *stream) {
    return call_on_device([&](Device &device) {
        count("waits");
        ((Stream *)stream)->run_all();
        return device.failed;
    });
}
API cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
    return call_on_device([&](Device &) {
        if (flags) return INVALID_VALUE;
        const Moment moment = ((Event *)event)->moment;  // as it is now, whatever is recorded later
        ((Stream *)stream)->add([moment] { moment.arrive(); });
        return OK;
    });
}
API cuEventCreate(void **event, unsigned flags) {
    return call_on_device([&](Device &) {
        if (flags > 7) return INVALID_VALUE;
        *event = new Event;
        count("events");
        return OK;
    });
}
API cuEventDestroy_v2(void *event) {
    return call_giving_back([&](Device &) {
        delete (Event *)event;
        count("events", -1);
        return OK;
    });
}
API cuEventRecord(void *event, void *stream) {
    return call_on_device([&](Device &) { return ((Event *)event)->moment = ((Stream *)stream)->now(), OK; });
}
API cuEventSynchronize(void *event) {
    return call_on_device([&](Device &device) {
        count("waits");
        ((Event *)event)->moment.arrive();
        return device.failed;
    });
}
API cuEventQuery(void *event) {
    return call_on_device([&](Device &device) {
        Moment &moment = ((Event *)event)->moment;
        // Who asks often enough gets there.
        if (!moment.has_come()) return moment.step(), NOT_READY;
        return device.failed;
    });
}

// MARK: Memory

API cuMemAlloc_v2(uint64_t *address, size_t bytes) {
    return call_on_device([&](Device &device) {
        if (bytes == 0) return INVALID_VALUE;
        *address = device.allocate(bytes);
        return *address ? OK : OUT_OF_MEMORY;
    });
}
API cuMemFree_v2(uint64_t address) {
    return call_giving_back([&](Device &device) {
        device.run_all();
        return device.free(address) ? OK : INVALID_VALUE;
    });
}
API cuMemGetInfo_v2(size_t *free, size_t *total) {
    return call_on_device([&](Device &device) { return *free = device.bytes - device.held, *total = device.bytes, OK; });
}
API cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
    return call_on_device([&](Device &) {
        if (flags > 7 || bytes == 0) return INVALID_VALUE;
        *memory = Pinned::allocate(bytes);
        return *memory ? OK : OUT_OF_MEMORY;
    });
}
API cuMemFreeHost(void *memory) {
    return call_giving_back([&](Device &device) {
        const auto block = Pinned::holding(memory, 1);
        if (!block || block->memory != memory) return INVALID_VALUE;
        if (block.use_count() > 2) {  // a copy that is queued has it, too
            count("violations: pinned memory freed while it's in use");
            device.run_all();
        }
        Pinned::free(block);
        return OK;
    });
}

// MARK: What is queued

API cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
    return call_on_device([&](Device &device) {
        char *place = device.place(to, bytes);
        if (!place) return INVALID_VALUE;
        count("bytes to the device", bytes);
        const auto block = pinned(from, bytes);
        if (block)
            ((Stream *)stream)->add([=] { memcpy(place, from, bytes), (void)block; });
        else
            ((Stream *)stream)->run_all(), memcpy(place, from, bytes);
        return OK;
    });
}
API cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
    return call_on_device([&](Device &device) {
        const char *place = device.place(from, bytes);
        if (!place) return INVALID_VALUE;
        count("bytes from the device", bytes);
        const auto block = pinned(to, bytes);
        if (block)
            ((Stream *)stream)->add([=] { memcpy(to, place, bytes), (void)block; });
        else
            ((Stream *)stream)->run_all(), memcpy(to, place, bytes);
        return OK;
    });
}
API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) {
    return call_on_device([&](Device &device) {
        char *place = device.place(to, bytes);
        const char *source = device.place(from, bytes);
        if (!place || !source) return INVALID_VALUE;
        count("bytes on the device", bytes);
        ((Stream *)stream)->add([=] { memmove(place, source, bytes); });
        return OK;
    });
}
API cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void *stream) {
    const int code = call_on_device([&](Device &device) {
        char *place = device.place(to, bytes);
        if (!place) return INVALID_VALUE;
        count("bytes overwritten", bytes);
        ((Stream *)stream)->add([=] { memset(place, value, bytes); });
        return OK;
    });
    std::lock_guard<std::mutex> guard(lock);
    if (code && current) current->excuse(to);
    return code;
}
API cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty, unsigned tz, unsigned local, void *stream,
                   void **structs, void **extra) {
    return call_on_device([&](Device &device) {
        const auto &kernel = *(const Kernel *)function;
        const bool fits = x > 0 && x < 1u << 31 && y > 0 && y < 65536 && z > 0 && z < 65536;
        if (!fits || threads != kernel.threads || ty != 1 || tz != 1 || local > 48 << 10 || !structs || extra) return INVALID_VALUE;
        count("launches");
        count(std::string("launches of ") + kernel.name);
        const auto *bytes = (const char *)structs[0];
        const std::string p(bytes, bytes + kernel.argument_bytes);
        ((Stream *)stream)->add([=, &device] { device.run(kernel, {x, y, z}, p.data()); });
        return OK;
    });
}
