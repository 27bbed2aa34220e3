import CrypTenBase

/// A device that OpenCL's library knows.
///
/// Safety of `@unchecked Sendable`: a handle that any thread may ask, of a device that is there as long as the process.
package struct OpenCLDevice: @unchecked Sendable, CustomStringConvertible {
    let handle: OpenCLLibrary.Handle
    /// What its driver calls it.
    package let name: String
    /// All of its memory.
    package let memoryBytes: Int
    /// Whether it is a processor, on which OpenCL is for tests.
    package let isProcessor: Bool
    /// Why a queue can't use it; nil where one can.
    package let obstacle: String?

    package var description: String {
        name
    }

    /// All devices of all drivers, in the order in which the library names them.
    ///
    /// - Throws: `.deviceUnavailable` where there is no library, or one without a driver.
    package static func all() throws -> [OpenCLDevice] {
        let library = try OpenCLLibrary.shared()
        var count: UInt32 = 0
        guard library.getPlatforms(0, nil, &count) == 0, count > 0 else {
            throw CrypTenError(
                .deviceUnavailable,
                "\(OpenCLLibrary.file) finds no driver: install one, such as pocl-opencl-icd"
            )
        }
        var platforms = [OpenCLLibrary.Handle?](repeating: nil, count: Int(count))
        guard library.getPlatforms(count, &platforms, nil) == 0 else {
            throw CrypTenError(.deviceUnavailable, "\(OpenCLLibrary.file) doesn't name its drivers")
        }
        return platforms.compactMap { $0 }.flatMap { platform -> [OpenCLDevice] in
            var count: UInt32 = 0
            // A driver without a device says so by an error.
            guard library.getDevices(platform, OpenCLConstants.allDevices, 0, nil, &count) == 0, count > 0 else {
                return []
            }
            var devices = [OpenCLLibrary.Handle?](repeating: nil, count: Int(count))
            guard library.getDevices(platform, OpenCLConstants.allDevices, count, &devices, nil) == 0 else { return [] }
            return devices.compactMap { $0 }.map { OpenCLDevice(library, $0) }
        }
    }

    private init(_ library: OpenCLLibrary, _ handle: OpenCLLibrary.Handle) {
        func number(_ name: UInt32) -> UInt64 {
            var value: UInt64 = 0
            return library.getDeviceInfo(handle, name, 8, &value, nil) == 0 ? value : 0
        }
        self.handle = handle
        var length = 0
        _ = library.getDeviceInfo(handle, OpenCLConstants.deviceName, 0, nil, &length)
        var bytes = [UInt8](repeating: 0, count: length)
        _ = library.getDeviceInfo(handle, OpenCLConstants.deviceName, length, &bytes, nil)
        name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        memoryBytes = Int(clamping: number(OpenCLConstants.memory))
        isProcessor = number(OpenCLConstants.deviceType) & OpenCLConstants.processor != 0
        obstacle =
            if number(OpenCLConstants.sharedMemory) & OpenCLConstants.coarseGrained == 0 {
                "\(name) has no shared virtual memory"
            } else if number(OpenCLConstants.largestGroup) < 256 {
                "\(name) has no groups of 256 work-items"
            } else {
                nil
            }
    }
}
