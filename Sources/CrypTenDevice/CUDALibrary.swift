import CrypTenBase

#if canImport(Glibc)
private import Glibc
#elseif canImport(Darwin)
private import Darwin
#elseif canImport(Musl)
private import Musl
#endif

/// The functions of NVIDIA's driver that a queue needs, looked up by name when somebody asks for a device: nothing is linked.
///
/// Where a function has changed since its first version, it's the one that drivers for CUDA 12 document.
///
/// Safety of `@unchecked Sendable`: addresses of functions of a library that is never unloaded, which any thread may call.
struct CUDALibrary: @unchecked Sendable {
    typealias Handle = OpaquePointer
    typealias Code = Int32
    typealias Device = Int32
    typealias Address = UInt64
    typealias Made = UnsafeMutablePointer<Handle?>
    typealias OfHandle = @convention(c) (Handle) -> Code

    let errorName, errorText: @convention(c) (Code, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Code
    let driverVersion, deviceCount: @convention(c) (UnsafeMutablePointer<Int32>) -> Code

    let device: @convention(c) (UnsafeMutablePointer<Device>, Int32) -> Code
    let deviceName: @convention(c) (UnsafeMutablePointer<CChar>, Int32, Device) -> Code
    let deviceAttribute: @convention(c) (UnsafeMutablePointer<Int32>, Int32, Device) -> Code
    let deviceMemory: @convention(c) (UnsafeMutablePointer<Int>, Device) -> Code

    let retainContext: @convention(c) (Made, Device) -> Code
    let releaseContext: @convention(c) (Device) -> Code
    let setContext: OfHandle

    let loadModule:
        @convention(c) (
            Made, UnsafeRawPointer, UInt32, UnsafeMutablePointer<Int32>?,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Code
    let function: @convention(c) (Made, Handle, UnsafePointer<CChar>) -> Code
    let unloadModule: OfHandle

    let createStream: @convention(c) (Made, UInt32) -> Code
    let destroyStream, synchronize: OfHandle
    let streamWait: @convention(c) (Handle, Handle, UInt32) -> Code

    let createEvent: @convention(c) (Made, UInt32) -> Code
    let destroyEvent, waitForEvent, queryEvent: OfHandle
    let recordEvent: @convention(c) (Handle, Handle) -> Code

    let allocate: @convention(c) (UnsafeMutablePointer<Address>, Int) -> Code
    let free: @convention(c) (Address) -> Code
    let memory: @convention(c) (UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>) -> Code
    let allocatePinned: @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>, Int, UInt32) -> Code
    let freePinned: @convention(c) (UnsafeMutableRawPointer) -> Code

    let copyToDevice: @convention(c) (Address, UnsafeRawPointer, Int, Handle) -> Code
    let copyFromDevice: @convention(c) (UnsafeMutableRawPointer, Address, Int, Handle) -> Code
    let copyOnDevice: @convention(c) (Address, Address, Int, Handle) -> Code
    let fillBytes: @convention(c) (Address, UInt8, Int, Handle) -> Code
    let launch:
        @convention(c) (
            Handle, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, Handle,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Code

    /// The library's name where it is looked for.
    static let file = "libcuda.so.1"

    /// Opens the library, and starts the driver.
    ///
    /// - Throws: `.deviceUnavailable` where it isn't there, is too old, or finds no device.
    init() throws {
        guard let library = dlopen(Self.file, RTLD_NOW | RTLD_LOCAL) else {
            throw CrypTenError(
                .deviceUnavailable,
                "this machine has no \(Self.file): install NVIDIA's driver, start the container with its GPUs, or choose "
                    + "another device"
            )
        }
        func function<Function>(_ name: String, _: Function.Type = Function.self) throws -> Function {
            guard let symbol = dlsym(library, name) else {
                throw CrypTenError(.deviceUnavailable, "\(Self.file) has no \(name): install driver 525 or newer")
            }
            return unsafeBitCast(symbol, to: Function.self)
        }
        errorName = try function("cuGetErrorName")
        errorText = try function("cuGetErrorString")
        driverVersion = try function("cuDriverGetVersion")
        deviceCount = try function("cuDeviceGetCount")
        device = try function("cuDeviceGet")
        deviceName = try function("cuDeviceGetName")
        deviceAttribute = try function("cuDeviceGetAttribute")
        deviceMemory = try function("cuDeviceTotalMem_v2")
        retainContext = try function("cuDevicePrimaryCtxRetain")
        releaseContext = try function("cuDevicePrimaryCtxRelease_v2")
        setContext = try function("cuCtxSetCurrent")
        loadModule = try function("cuModuleLoadDataEx")
        self.function = try function("cuModuleGetFunction")
        unloadModule = try function("cuModuleUnload")
        createStream = try function("cuStreamCreate")
        destroyStream = try function("cuStreamDestroy_v2")
        synchronize = try function("cuStreamSynchronize")
        streamWait = try function("cuStreamWaitEvent")
        createEvent = try function("cuEventCreate")
        destroyEvent = try function("cuEventDestroy_v2")
        waitForEvent = try function("cuEventSynchronize")
        queryEvent = try function("cuEventQuery")
        recordEvent = try function("cuEventRecord")
        allocate = try function("cuMemAlloc_v2")
        free = try function("cuMemFree_v2")
        memory = try function("cuMemGetInfo_v2")
        allocatePinned = try function("cuMemHostAlloc")
        freePinned = try function("cuMemFreeHost")
        copyToDevice = try function("cuMemcpyHtoDAsync_v2")
        copyFromDevice = try function("cuMemcpyDtoHAsync_v2")
        copyOnDevice = try function("cuMemcpyDtoDAsync_v2")
        fillBytes = try function("cuMemsetD8Async")
        launch = try function("cuLaunchKernel")
        let start: @convention(c) (UInt32) -> Code = try function("cuInit")
        let code = start(0)
        guard code == 0 else {
            throw CrypTenError(.deviceUnavailable, "NVIDIA's driver doesn't start: \(describe(code))")
        }
    }

    /// What was opened when somebody first asked.
    private static let opened = Result { try CUDALibrary() }

    static func shared() throws -> CUDALibrary {
        try opened.get()
    }

    /// The driver's name of an error, and what it says of it.
    func describe(_ code: Code) -> String {
        func text(_ function: @convention(c) (Code, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Code) -> String? {
            var text: UnsafePointer<CChar>?
            return function(code, &text) == 0 ? text.map { String(cString: $0) } : nil
        }
        let name = text(errorName) ?? "error \(code)"
        return text(errorText).map { "\(name) (\($0))" } ?? name
    }
}

/// Numbers of the driver's header.
enum CUDAConstants {
    static let outOfMemory: CUDALibrary.Code = 2
    static let notReady: CUDALibrary.Code = 600
    static let processorCount: Int32 = 16
    static let computeMode: Int32 = 20
    static let prohibited: Int32 = 2
    static let capabilityMajor: Int32 = 75
    static let capabilityMinor: Int32 = 76
    static let nonBlocking: UInt32 = 1
    static let withoutTiming: UInt32 = 2
    static let errorLog: Int32 = 5
    static let errorLogBytes: Int32 = 6
}
