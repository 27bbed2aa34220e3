// What the driver's handles stand for: devices with their memory, streams, moments of them, pinned memory, modules.
#pragma once
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <sys/mman.h>
#include <thread>

#include "kernel.h"

namespace driver {

// Errors of the driver's header.
constexpr int OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_PTX = 218,
              INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700, LAUNCH_FAILED = 719, UNKNOWN = 999;
enum : uint64_t { PAGE = 4096, PINNED_BYTES = 1ull << 30, REGION_BYTES = 1ull << 40, BASE = 0xDEull << 48 };
enum { DEVICES = 3, RUBBISH = 0xA5, RUBBISH_BYTES = 1 << 20 };

typedef std::map<std::string, int64_t> Counts;
/// Of the process; asked for until it ends.
inline Counts &all_counts() {
    static auto &counts = *new Counts;
    return counts;
}
/// Of the thread, so that a test isn't told of others.
inline Counts &own_counts() {
    thread_local Counts counts;
    return counts;
}
inline void count(const std::string &name, int64_t more = 1) {
    all_counts()[name] += more;
    own_counts()[name] += more;
}

inline bool is_wiped(const char *memory, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (memory[i]) return false;
    return true;
}

struct Module { std::string image; };

/// What is queued, in order; it happens when somebody waits.
struct Stream {
    std::deque<std::function<void()>> queued;

    void add(std::function<void()> work) { queued.push_back(std::move(work)); }
    void step() {
        if (queued.empty()) return;
        auto work = std::move(queued.front());
        queued.pop_front();
        work();
    }
    void run_all() { while (!queued.empty()) step(); }
    struct Moment now();
};

/// When all that was queued before is done.
struct Moment {
    std::shared_ptr<bool> came;
    Stream *stream = nullptr;

    bool has_come() const { return !came || *came; }
    void step() const { stream->step(); }
    void arrive() const { while (!has_come()) step(); }
};

inline Moment Stream::now() {
    Moment moment{std::make_shared<bool>(false), this};
    add([came = moment.came] { *came = true; });
    return moment;
}

struct Event { Moment moment; };

/// Memory of the host that a device reaches. Queued copies share it.
struct Pinned {
    char *memory;
    size_t bytes;
    std::thread::id owner;

    static std::map<const char *, std::shared_ptr<Pinned>> &all() {
        static auto &all = *new std::map<const char *, std::shared_ptr<Pinned>>;
        return all;
    }
    static std::shared_ptr<Pinned> holding(const void *place, size_t bytes) {
        const auto *from = (const char *)place;
        auto after = all().upper_bound(from);
        if (after == all().begin()) return nullptr;
        const auto &block = std::prev(after)->second;
        return from + bytes <= block->memory + block->bytes ? block : nullptr;
    }
    /// How many of the thread's blocks hold something.
    static int64_t full() {
        int64_t blocks = 0;
        for (const auto &[memory, block] : all())
            blocks += block->owner == std::this_thread::get_id() && !is_wiped(memory, block->bytes);
        return blocks;
    }
    static void *allocate(size_t bytes) {
        if (all_counts()["pinned bytes"] + bytes > PINNED_BYTES) return nullptr;
        const size_t pages = (bytes + PAGE - 1) / PAGE * PAGE;
        auto *memory = (char *)mmap(nullptr, pages + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED || mprotect(memory, pages, PROT_READ | PROT_WRITE)) return nullptr;
        memset(memory, RUBBISH, pages);
        all()[memory] = std::make_shared<Pinned>(Pinned{memory, bytes, std::this_thread::get_id()});
        count("pinned bytes", bytes);
        return memory;
    }
    static void free(const std::shared_ptr<Pinned> &block) {
        if (!is_wiped(block->memory, block->bytes)) count("violations: pinned memory freed as it was");
        count("pinned bytes", -(int64_t)block->bytes);
        munmap(block->memory, (block->bytes + PAGE - 1) / PAGE * PAGE + PAGE);
        all().erase(block->memory);
    }
};

struct Device {
    const char *name;
    int capability;
    uint64_t bytes;
    unsigned retained = 0;
    /// The error that stays.
    int failed = OK;
    uint64_t held = 0;
    std::set<Stream *> streams;
    /// From the first byte's offset in the region.
    std::map<uint64_t, size_t> blocks;
    /// Blocks that somebody tried to overwrite.
    std::set<uint64_t> excused;

    Stream *make_stream() {
        count("streams");
        return *streams.insert(new Stream).first;
    }
    void destroy(Stream *stream) {
        stream->run_all();
        streams.erase(stream);
        // Moments of it may live longer, all of which have come.
        delete stream;
        count("streams", -1);
    }
    void run_all() {
        for (auto *stream : streams) stream->run_all();
    }

    // MARK: Memory

    /// All devices' memory, of which no place is given twice.
    static Memory &memory() {
        static Memory memory{BASE, REGION_BYTES, (char *)mmap(nullptr, REGION_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)};
        return memory;
    }
    uint64_t allocate(size_t bytes) {
        static uint64_t next = PAGE;
        const uint64_t pages = (bytes + PAGE - 1) / PAGE * PAGE;
        if (held + bytes > this->bytes || pages > REGION_BYTES - next - PAGE) {
            count("refused allocations");
            return 0;
        }
        char *start = memory().start + next;
        if (mprotect(start, pages, PROT_READ | PROT_WRITE)) return 0;
        // Not all of a large block, of which pages that nobody writes take no memory.
        memset(start, RUBBISH, pages < RUBBISH_BYTES ? pages : RUBBISH_BYTES);
        const uint64_t offset = next + pages - (bytes + 255) / 256 * 256;
        next += pages + PAGE;
        blocks[offset] = bytes;
        held += bytes;
        count("device bytes", bytes);
        return BASE + offset;
    }
    bool free(uint64_t address) {
        const auto block = blocks.find(address - BASE);
        if (block == blocks.end()) return false;
        // A device that has failed overwrites nothing any more.
        const bool may_be_full = excused.erase(block->first) || failed;
        if (!may_be_full && !is_wiped(memory().start + block->first, block->second)) count("violations: device memory freed as it was");
        const uint64_t first = block->first / PAGE * PAGE, end = (block->first + block->second + PAGE - 1) / PAGE * PAGE;
        madvise(memory().start + first, end - first, MADV_DONTNEED);
        mprotect(memory().start + first, end - first, PROT_NONE);
        held -= block->second;
        count("device bytes", -(int64_t)block->second);
        blocks.erase(block);
        return true;
    }
    void excuse(uint64_t address) {
        if (blocks.count(address - BASE)) excused.insert(address - BASE);
    }
    /// Where bytes are that lie in one block; else null.
    char *place(uint64_t address, size_t bytes) {
        auto after = blocks.upper_bound(address - BASE);
        if (address < BASE || after == blocks.begin()) return nullptr;
        const auto &[start, size] = *std::prev(after);
        return address - BASE + bytes <= start + size ? memory().start + (address - BASE) : nullptr;
    }

    void run(const Kernel &kernel, std::array<unsigned, 3> groups, const void *arguments) {
        if (failed) return;
        char complaint[COMPLAINT_BYTES];
        kernel.run(groups.data(), arguments, memory(), complaint);
        if (!*complaint) return;
        fprintf(stderr, "kernel %s: %s\n", kernel.name, complaint);
        failed = strstr(complaint, "address") ? ILLEGAL_ADDRESS : LAUNCH_FAILED;
    }

    /// The context's end: what nobody has freed goes with it, and the error.
    void end() {
        run_all();
        count("violations: device memory left to the context", blocks.size());
        while (!blocks.empty()) free(BASE + blocks.begin()->first);
        failed = OK;
    }
};

/// The last is for tests that break it, or fill it.
inline Device devices[DEVICES] = {
    {"Test device", 80, 8ull << 30}, {"Older test device", 75, 8ull << 30}, {"Small test device", 90, 64 << 20},
};

}  // namespace driver
