import CrypTenBase

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
        let library = try DynamicLibrary(
            Self.file,
            remedies: (
                "install NVIDIA's driver, start the container with its GPUs, or choose another device",
                "install driver 525 or newer"
            )
        )
        errorName = try library.function("cuGetErrorName")
        errorText = try library.function("cuGetErrorString")
        driverVersion = try library.function("cuDriverGetVersion")
        deviceCount = try library.function("cuDeviceGetCount")
        device = try library.function("cuDeviceGet")
        deviceName = try library.function("cuDeviceGetName")
        deviceAttribute = try library.function("cuDeviceGetAttribute")
        deviceMemory = try library.function("cuDeviceTotalMem_v2")
        retainContext = try library.function("cuDevicePrimaryCtxRetain")
        releaseContext = try library.function("cuDevicePrimaryCtxRelease_v2")
        setContext = try library.function("cuCtxSetCurrent")
        loadModule = try library.function("cuModuleLoadDataEx")
        self.function = try library.function("cuModuleGetFunction")
        unloadModule = try library.function("cuModuleUnload")
        createStream = try library.function("cuStreamCreate")
        destroyStream = try library.function("cuStreamDestroy_v2")
        synchronize = try library.function("cuStreamSynchronize")
        streamWait = try library.function("cuStreamWaitEvent")
        createEvent = try library.function("cuEventCreate")
        destroyEvent = try library.function("cuEventDestroy_v2")
        waitForEvent = try library.function("cuEventSynchronize")
        queryEvent = try library.function("cuEventQuery")
        recordEvent = try library.function("cuEventRecord")
        allocate = try library.function("cuMemAlloc_v2")
        free = try library.function("cuMemFree_v2")
        memory = try library.function("cuMemGetInfo_v2")
        allocatePinned = try library.function("cuMemHostAlloc")
        freePinned = try library.function("cuMemFreeHost")
        copyToDevice = try library.function("cuMemcpyHtoDAsync_v2")
        copyFromDevice = try library.function("cuMemcpyDtoHAsync_v2")
        copyOnDevice = try library.function("cuMemcpyDtoDAsync_v2")
        fillBytes = try library.function("cuMemsetD8Async")
        launch = try library.function("cuLaunchKernel")
        let start: @convention(c) (UInt32) -> Code = try library.function("cuInit")
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
