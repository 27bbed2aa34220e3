import CrypTenBase

/// The devices of this machine, usable or not.
package struct DeviceList: Sendable {
    package var devices: [Device] = []
    /// Why a library has none: a sentence each.
    package var missing: [String] = []

    package struct Device: Sendable {
        /// What opens it: "cuda:0".
        package let choice: DeviceChoice
        /// What its driver calls it.
        package let name: String
        package let memoryBytes: Int
        /// NVIDIA's number of what it can do, such as 8.0, where CUDA is asked.
        package let capability: String?
        /// Whether it's the processor, on which OpenCL is for tests.
        package let isProcessor: Bool
        /// Why it can't be used; nil where it can.
        package let obstacle: String?
    }

    /// All devices that CUDA and OpenCL name; one that both know is there twice.
    package static func all() -> DeviceList {
        var list = DeviceList()
        list.add {
            try CUDADevice.all()
        } as: { _, device in
            Device(
                choice: .cuda(device.index),
                name: device.name,
                memoryBytes: device.memoryBytes,
                capability: "\(device.capability)",
                isProcessor: false,
                obstacle: device.obstacle
            )
        }
        list.add {
            try OpenCLDevice.all()
        } as: { index, device in
            Device(
                choice: .opencl(index),
                name: device.name,
                memoryBytes: device.memoryBytes,
                capability: nil,
                isProcessor: device.isProcessor,
                obstacle: device.obstacle
            )
        }
        return list
    }

    private mutating func add<Found>(_ find: () throws -> [Found], as listed: (Int, Found) -> Device) {
        do {
            devices += try find().enumerated().map(listed)
        } catch {
            missing.append((error as? CrypTenError)?.message ?? "\(error)")
        }
    }

    /// The first that can be used and is no processor; nil where there is none.
    package var first: Device? {
        devices.first { $0.obstacle == nil && !$0.isProcessor }
    }
}
