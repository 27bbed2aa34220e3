#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#endif

/// The driver of Scripts/gpu-test-driver, where it's the machine's.
///
/// It counts for each thread, and fails for the thread that tells it to: tests that ask for it don't wait.
struct TestDriver: Sendable {
    private let fail: @convention(c) (UInt64, Int32) -> Int32
    private let counted: @convention(c) (UnsafePointer<CChar>) -> Int64

    static let shared = TestDriver()

    private init?() {
        guard let library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL),
            let fail = dlsym(library, "crypten_test_driver_fail"),
            let counted = dlsym(library, "crypten_test_driver_count")
        else { return nil }
        self.fail = unsafeBitCast(fail, to: type(of: self.fail))
        self.counted = unsafeBitCast(counted, to: type(of: self.counted))
    }

    /// Makes this thread's call of that number, from 1 on, fail.
    func fail(call: Int, with error: Int32) {
        _ = fail(UInt64(call), error)
    }

    func failNoMore() {
        _ = fail(0, 0)
    }

    /// What this thread's calls have counted under names that begin so.
    func count(_ name: String) -> Int {
        Int(counted(name))
    }

    /// What this thread has of the driver and hasn't given back.
    var held: [String: Int] {
        let names = ["device bytes", "pinned bytes", "contexts", "modules", "streams", "events"]
        return Dictionary(uniqueKeysWithValues: names.map { ($0, count($0)) })
    }

    /// What no program may do, by any thread's calls.
    var violations: Int {
        count("violations")
    }
}
