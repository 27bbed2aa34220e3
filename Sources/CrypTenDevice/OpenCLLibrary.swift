import CrypTenBase

/// The functions of OpenCL 2.0 that a queue needs, looked up by name when somebody asks for a device: nothing is linked.
///
/// Safety of `@unchecked Sendable`: addresses of functions of a library that is never unloaded.
struct OpenCLLibrary: @unchecked Sendable {
    typealias Handle = OpaquePointer
    typealias Code = Int32
    typealias Info = @convention(c) (Handle, UInt32, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> Code
    typealias Release = @convention(c) (Handle) -> Code

    let getPlatforms: @convention(c) (UInt32, UnsafeMutablePointer<Handle?>?, UnsafeMutablePointer<UInt32>?) -> Code
    let getDevices:
        @convention(c) (Handle, UInt64, UInt32, UnsafeMutablePointer<Handle?>?, UnsafeMutablePointer<UInt32>?) -> Code
    let getDeviceInfo: Info
    let createContext:
        @convention(c) (
            UnsafeRawPointer?, UInt32, UnsafePointer<Handle?>, UnsafeRawPointer?, UnsafeRawPointer?,
            UnsafeMutablePointer<Code>
        ) -> Handle?
    let createQueue: @convention(c) (Handle, Handle, UnsafeRawPointer?, UnsafeMutablePointer<Code>) -> Handle?
    let createProgram:
        @convention(c) (
            Handle, UInt32, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int>?, UnsafeMutablePointer<Code>
        ) -> Handle?
    let buildProgram:
        @convention(c) (
            Handle, UInt32, UnsafePointer<Handle?>, UnsafePointer<CChar>, UnsafeRawPointer?, UnsafeRawPointer?
        ) -> Code
    let getBuildInfo:
        @convention(c) (
            Handle, Handle, UInt32, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?
        ) -> Code
    let createKernel: @convention(c) (Handle, UnsafePointer<CChar>, UnsafeMutablePointer<Code>) -> Handle?
    let setArgument: @convention(c) (Handle, UInt32, Int, UnsafeRawPointer?) -> Code
    let setExecutionInfo: @convention(c) (Handle, UInt32, Int, UnsafeRawPointer) -> Code
    let enqueueKernel:
        @convention(c) (
            Handle, Handle, UInt32, UnsafePointer<Int>?, UnsafePointer<Int>, UnsafePointer<Int>, UInt32,
            UnsafeRawPointer?, UnsafeRawPointer?
        ) -> Code
    let allocate: @convention(c) (Handle, UInt64, Int, UInt32) -> UnsafeMutableRawPointer?
    let free: @convention(c) (Handle, UnsafeMutableRawPointer) -> Void
    let enqueueCopy:
        @convention(c) (
            Handle, UInt32, UnsafeMutableRawPointer, UnsafeRawPointer, Int, UInt32, UnsafeRawPointer?,
            UnsafeMutablePointer<Handle?>?
        ) -> Code
    let waitForEvents: @convention(c) (UInt32, UnsafePointer<Handle?>) -> Code
    let enqueueFill:
        @convention(c) (
            Handle, UnsafeMutableRawPointer, UnsafeRawPointer, Int, Int, UInt32, UnsafeRawPointer?, UnsafeRawPointer?
        ) -> Code
    let finish, flush: Release
    let releaseEvent, releaseKernel, releaseProgram, releaseQueue, releaseContext: Release

    /// The library's name where it is looked for.
    static let file = "libOpenCL.so.1"

    /// Opens the library.
    ///
    /// - Throws: `.deviceUnavailable` where it isn't there, or is older than OpenCL 2.0.
    init() throws {
        let library = try DynamicLibrary(
            Self.file,
            remedies: (
                "install an OpenCL loader and a driver, such as ocl-icd-libopencl1 and pocl-opencl-icd, or choose another device",
                "it must be for OpenCL 2.0 or newer"
            )
        )
        getPlatforms = try library.function("clGetPlatformIDs")
        getDevices = try library.function("clGetDeviceIDs")
        getDeviceInfo = try library.function("clGetDeviceInfo")
        createContext = try library.function("clCreateContext")
        createQueue = try library.function("clCreateCommandQueueWithProperties")
        createProgram = try library.function("clCreateProgramWithSource")
        buildProgram = try library.function("clBuildProgram")
        getBuildInfo = try library.function("clGetProgramBuildInfo")
        createKernel = try library.function("clCreateKernel")
        setArgument = try library.function("clSetKernelArg")
        setExecutionInfo = try library.function("clSetKernelExecInfo")
        enqueueKernel = try library.function("clEnqueueNDRangeKernel")
        allocate = try library.function("clSVMAlloc")
        free = try library.function("clSVMFree")
        enqueueCopy = try library.function("clEnqueueSVMMemcpy")
        enqueueFill = try library.function("clEnqueueSVMMemFill")
        finish = try library.function("clFinish")
        flush = try library.function("clFlush")
        waitForEvents = try library.function("clWaitForEvents")
        releaseEvent = try library.function("clReleaseEvent")
        releaseKernel = try library.function("clReleaseKernel")
        releaseProgram = try library.function("clReleaseProgram")
        releaseQueue = try library.function("clReleaseCommandQueue")
        releaseContext = try library.function("clReleaseContext")
    }

    /// What was opened when somebody first asked.
    private static let opened = Result { try OpenCLLibrary() }

    static func shared() throws -> OpenCLLibrary {
        try opened.get()
    }
}

/// Numbers of OpenCL's headers.
enum OpenCLConstants {
    static let allDevices: UInt64 = 0xFFFF_FFFF
    static let processor: UInt64 = 1 << 1
    static let readWrite: UInt64 = 1 << 0
    static let coarseGrained: UInt64 = 1 << 0
    static let deviceType: UInt32 = 0x1000
    static let largestGroup: UInt32 = 0x1004
    static let memory: UInt32 = 0x101F
    static let deviceName: UInt32 = 0x102B
    static let sharedMemory: UInt32 = 0x1053
    static let buildLog: UInt32 = 0x1183
    static let namedBlocks: UInt32 = 0x11B6
}
