// NVIDIA's driver API, as far as CUDAQueue calls it, on a processor: for tests where there is no GPU.
//
// It is as late as a driver may be: what is queued on a stream happens when somebody waits for it, so whoever reads a result, or uses memory
// again, too early gets something else. It has three devices, of which the second is too old for the kernels. Device addresses are no addresses of
// the process, blocks lie before pages that nobody may touch, and new memory is full of rubbish.
//
// It counts what happens, and says so to whoever looks `crypten_test_driver_count` up, or at the end on standard error where
// CRYPTEN_TEST_DRIVER_LOG is set. What a program must not do, though a driver may let it, are violations. It fails when it's told to: by
// `crypten_test_driver_fail`, or from the beginning by CRYPTEN_TEST_DRIVER_FAIL="call:error", which are numbers.
#include "objects.h"

#include <cstdlib>
#include <string>

#define API extern "C" __attribute__((visibility("default"))) int

using namespace driver;

namespace {

std::mutex lock;
thread_local Device *current;
/// Which call fails, of the process and of the thread, and how.
struct Fault { int64_t call; int error; };
Fault fault;
thread_local Fault own_fault;

void log_counts() {
    for (const auto &[name, count] : all_counts()) fprintf(stderr, "%s %lld\n", name.c_str(), (long long)count);
}

const bool started = [] {
    if (const char *told = getenv("CRYPTEN_TEST_DRIVER_FAIL")) {
        char *end;
        fault.call = strtoll(told, &end, 10);
        fault.error = *end == ':' ? atoi(end + 1) : UNKNOWN;
    }
    if (getenv("CRYPTEN_TEST_DRIVER_LOG")) atexit(log_counts);
    return true;
}();

/// Counts a call; the error that it's told to have, if it is.
int told() {
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
std::shared_ptr<Pinned> pinned(const void *memory, size_t bytes) {
    auto block = Pinned::holding(memory, bytes);
    if (!block) count("violations: copies of memory that isn't pinned");
    return block;
}

struct ErrorName { int code; const char *name, *text; };
const ErrorName ERRORS[] = {
    {OK, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};
const ErrorName *find(int code) {
    for (const auto &error : ERRORS)
        if (error.code == code) return &error;
    return nullptr;
}

}  // namespace

// MARK: What tests ask and say

/// The thread's call of this number from now on fails with an error; for call 0, none does.
API crypten_test_driver_fail(uint64_t call, int error) {
    std::lock_guard<std::mutex> guard(lock);
    own_fault = {call ? own_counts()["calls"] + (int64_t)call : 0, error};
    return OK;
}

/// What the thread's calls have counted under names that begin so; "violations" are the process's.
extern "C" __attribute__((visibility("default"))) int64_t crypten_test_driver_count(const char *name) {
    std::lock_guard<std::mutex> guard(lock);
    const std::string prefix = name;
    int64_t sum = 0;
    for (const auto &[name, count] : prefix == "violations" ? all_counts() : own_counts())
        if (name.compare(0, prefix.size(), prefix) == 0) sum += count;
    return sum;
}

// MARK: Errors and devices

API cuGetErrorName(int code, const char **name) {
    const auto *error = find(code);
    *name = error ? error->name : nullptr;
    return error ? OK : INVALID_VALUE;
}
API cuGetErrorString(int code, const char **text) {
    const auto *error = find(code);
    *text = error ? error->text : nullptr;
    return error ? OK : INVALID_VALUE;
}
API cuInit(unsigned flags) {
    return call([&] { return flags == 0 ? OK : INVALID_VALUE; });
}
API cuDriverGetVersion(int *version) {
    return call([&] { return *version = 12000, OK; });
}
API cuDeviceGetCount(int *count) {
    return call([&] { return *count = DEVICES, OK; });
}
API cuDeviceGet(int *device, int index) {
    return call([&] { return *device = index, index >= 0 && index < DEVICES ? OK : INVALID_DEVICE; });
}
API cuDeviceGetName(char *name, int bytes, int device) {
    return call([&] {
        if (device < 0 || device >= DEVICES) return INVALID_DEVICE;
        snprintf(name, bytes, "%s", devices[device].name);
        return OK;
    });
}
API cuDeviceGetAttribute(int *value, int attribute, int device) {
    return call([&] {
        if (device < 0 || device >= DEVICES) return INVALID_DEVICE;
        switch (attribute) {
        case 16: *value = 1; return OK;  // processors
        case 20: *value = 0; return OK;  // compute mode: anybody's
        case 75: *value = devices[device].capability / 10; return OK;
        case 76: *value = devices[device].capability % 10; return OK;
        default: return INVALID_VALUE;
        }
    });
}
API cuDeviceTotalMem_v2(size_t *bytes, int device) {
    return call([&] {
        if (device < 0 || device >= DEVICES) return INVALID_DEVICE;
        *bytes = devices[device].bytes;
        return OK;
    });
}

// MARK: Contexts and modules

API cuDevicePrimaryCtxRetain(void **context, int device) {
    return call([&] {
        if (device < 0 || device >= DEVICES) return INVALID_DEVICE;
        *context = &devices[device];
        devices[device].retained++;
        count("contexts");
        return OK;
    });
}
API cuDevicePrimaryCtxRelease_v2(int device) {
    std::lock_guard<std::mutex> guard(lock);
    const int error = told();
    if (device < 0 || device >= DEVICES || !devices[device].retained) return INVALID_CONTEXT;
    if (--devices[device].retained == 0) devices[device].end();
    count("contexts", -1);
    return error;
}
API cuCtxSetCurrent(void *context) {
    return call([&] { return current = (Device *)context, OK; });
}
API cuModuleLoadDataEx(void **module, const void *image, unsigned options, int *names, void **values) {
    return call_on_device([&](Device &) {
        const std::string text = (const char *)image;
        if (text.find(".version 8.0\n") == std::string::npos || text.find(".target sm_80\n") == std::string::npos) {
            for (unsigned i = 0; i + 1 < options; i++)
                if (names[i] == 5 && names[i + 1] == 6)
                    snprintf((char *)values[i], (size_t)values[i + 1], "ptxas fatal   : the test driver knows PTX 8.0 for sm_80 alone");
            return INVALID_PTX;
        }
        *module = new Module{text};
        count("modules");
        return OK;
    });
}
API cuModuleGetFunction(void **function, void *module, const char *name) {
    return call_on_device([&](Device &) {
        const bool is_in_image = ((Module *)module)->image.find(std::string(".entry ") + name + "(") != std::string::npos;
        *function = is_in_image ? Kernel::find(name) : nullptr;
        return *function ? OK : NOT_FOUND;
    });
}
API cuModuleUnload(void *module) {
    return call_giving_back([&](Device &) {
        delete (Module *)module;
        count("modules", -1);
        return OK;
    });
}

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
