// NVIDIA's driver API, as far as CUDAQueue calls it, on a processor: for tests where there is no GPU.
//
// It is as late as a driver may be: what is queued on a stream happens when somebody waits for it, so whoever reads a result, or uses memory
// again, too early gets something else. It has three devices, of which the second is too old for the kernels. Device addresses are no addresses of
// the process, blocks lie before pages that nobody may touch, and new memory is full of rubbish.
//
// It counts what happens, and says so to whoever looks `crypten_test_driver_count` up, or at the end on standard error where
// CRYPTEN_TEST_DRIVER_LOG is set. What a program must not do, though a driver may let it, are violations. It fails when it's told to: by
// `crypten_test_driver_fail`, or from the beginning by CRYPTEN_TEST_DRIVER_FAIL="call:error", which are numbers.
#include "calls.h"

#include <cstdlib>

using namespace driver;

namespace {

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

/// What the thread's calls have counted under names that begin so; "violations" are the process's, and "full pinned blocks" those that there are
/// now and hold something.
extern "C" __attribute__((visibility("default"))) int64_t crypten_test_driver_count(const char *name) {
    std::lock_guard<std::mutex> guard(lock);
    const std::string prefix = name;
    if (prefix == "full pinned blocks") return Pinned::full();
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
        const char *complaint = nullptr;
        if (text.find(".version 8.0\n") == std::string::npos || text.find(".target sm_80\n") == std::string::npos)
            complaint = "ptxas fatal   : the test driver knows PTX 8.0 for sm_80 alone";
        else if (text.compare(0, sizeof SOURCES + 3, "// " SOURCES "\n"))
            complaint = "ptxas fatal   : the test driver has kernels of other sources: build it anew, with Scripts/gpu-test-driver";
        for (unsigned i = 0; complaint && i + 1 < options; i++)
            if (names[i] == 5 && names[i + 1] == 6) snprintf((char *)values[i], (size_t)values[i + 1], "%s", complaint);
        if (complaint) return INVALID_PTX;
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
