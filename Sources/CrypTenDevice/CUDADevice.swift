import CrypTenBase

/// A device that NVIDIA's driver knows.
package struct CUDADevice: Sendable, CustomStringConvertible {
    let handle: CUDALibrary.Device
    /// Its number among all devices, from 0 on.
    package let index: Int
    /// What its driver calls it.
    package let name: String
    /// All of its memory.
    package let memoryBytes: Int
    /// What its processors can do: major and minor number of NVIDIA's compute capability.
    package let capability: Capability
    /// How many processors it has.
    package let processorCount: Int
    /// Why a queue can't use it; nil where one can.
    package let obstacle: String?

    /// NVIDIA's number for what a device can do, such as 8.0.
    package struct Capability: Hashable, Comparable, Sendable, CustomStringConvertible {
        package let major, minor: Int

        package var description: String {
            "\(major).\(minor)"
        }

        package static func < (a: Capability, b: Capability) -> Bool {
            (a.major, a.minor) < (b.major, b.minor)
        }
    }

    /// What the kernels are compiled for.
    static let least = Capability(major: 8, minor: 0)
    /// As the driver writes 12.0, from which on it knows the kernels' PTX.
    private static let leastDriver: Int32 = 12_000

    package var description: String {
        name
    }

    /// All devices, in the driver's order.
    ///
    /// - Throws: `.deviceUnavailable` where there is no driver, or no device.
    package static func all() throws -> [CUDADevice] {
        let library = try CUDALibrary.shared()
        var count: Int32 = 0
        let code = library.deviceCount(&count)
        guard code == 0, count > 0 else {
            let reason = code == 0 ? "" : ": \(library.describe(code))"
            throw CrypTenError(.deviceUnavailable, "NVIDIA's driver finds no device\(reason)")
        }
        return try (0..<count).map { try CUDADevice(library, $0) }
    }

    private init(_ library: CUDALibrary, _ number: Int32) throws {
        func succeed(_ code: CUDALibrary.Code) throws {
            guard code != 0 else { return }
            throw CrypTenError(
                .deviceUnavailable,
                "NVIDIA's driver doesn't tell of device \(number): \(library.describe(code))"
            )
        }
        var device: CUDALibrary.Device = 0
        try succeed(library.device(&device, number))
        func attribute(_ attribute: Int32) throws -> Int32 {
            var value: Int32 = 0
            try succeed(library.deviceAttribute(&value, attribute, device))
            return value
        }
        var bytes = [CChar](repeating: 0, count: 256)
        try succeed(library.deviceName(&bytes, Int32(bytes.count), device))
        let name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var memory = 0
        try succeed(library.deviceMemory(&memory, device))
        let capability = Capability(
            major: Int(try attribute(CUDAConstants.capabilityMajor)),
            minor: Int(try attribute(CUDAConstants.capabilityMinor))
        )
        var driver: Int32 = 0
        try succeed(library.driverVersion(&driver))
        (handle, index, memoryBytes) = (device, Int(number), memory)
        (self.name, self.capability) = (name, capability)
        processorCount = Int(try attribute(CUDAConstants.processorCount))
        obstacle =
            if capability < Self.least {
                "\(name) has compute capability \(capability), and CUDA's kernels need \(Self.least): use it through OpenCL"
            } else if driver < Self.leastDriver {
                "\(name)'s driver knows CUDA \(driver / 1000).\(driver % 1000 / 10), and the kernels need 12.0: install "
                    + "driver 525 or newer"
            } else if try attribute(CUDAConstants.computeMode) == CUDAConstants.prohibited {
                "\(name) is in compute mode \"prohibited\": its administrator lets nobody compute on it"
            } else {
                nil
            }
    }
}
