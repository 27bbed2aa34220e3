import CrypTenBase
package import CrypTenRing

/// Which device a party's tensors are computed on, as a user says it: "auto", "cpu", "cuda", "cuda:1", "opencl" or "opencl:0".
public enum DeviceChoice: Hashable, Sendable, CustomStringConvertible {
    /// The first device of CUDA's that can be used; where there is none, the processor.
    ///
    /// It's never one of OpenCL's, which has to be named.
    case automatic
    /// None: the program's own kernels.
    case processor
    /// A device of CUDA's by its number; the first that can be used where none is said.
    case cuda(Int?)
    /// A device of OpenCL's by its number; where none is said, the first that can be used and is no processor, and else the first.
    case opencl(Int?)

    /// - Throws: `.invalidArgument` where it's none of the above.
    public init(_ text: String) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        func number() -> Int? {
            let digits = parts[1]
            guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return Int(digits)
        }
        switch (parts[0], parts.count) {
        case ("auto", 1): self = .automatic
        case ("cpu", 1): self = .processor
        case ("cuda", 1): self = .cuda(nil)
        case ("opencl", 1): self = .opencl(nil)
        default:
            guard parts.count == 2, let number = number(), parts[0] == "cuda" || parts[0] == "opencl" else {
                throw CrypTenError(
                    .invalidArgument,
                    "\"\(text)\" names no device: say auto, cpu, cuda or opencl, or one of several by its number, as cuda:1 or "
                        + "opencl:0"
                )
            }
            self = parts[0] == "cuda" ? .cuda(number) : .opencl(number)
        }
    }

    public var description: String {
        switch self {
        case .automatic: "auto"
        case .processor: "cpu"
        case .cuda(let number): "cuda" + (number.map { ":\($0)" } ?? "")
        case .opencl(let number): "opencl" + (number.map { ":\($0)" } ?? "")
        }
    }

    /// Opens the queue of the device, or returns nil where it's the processor.
    ///
    /// A device has one queue, which all parties of a process share; one that has failed is replaced.
    ///
    /// - Throws: `.deviceUnavailable` or `.notEnoughDeviceMemory`, with what was asked for, what there is, and what to do.
    package func open() throws -> (any DeviceQueue)? {
        switch self {
        case .processor:
            return nil
        case .automatic:
            guard let device = (try? CUDADevice.all())?.first(where: { $0.obstacle == nil }) else { return nil }
            return try OpenQueues.queue(.cuda(device.index)) { try CUDAQueue(device) }
        case .cuda(let number):
            let devices = try explained { try CUDADevice.all() }
            let index = try number ?? devices.firstIndex { $0.obstacle == nil } ?? refuse(.cuda(nil))
            guard devices.indices.contains(index), devices[index].obstacle == nil else { return try refuse(.cuda(nil)) }
            return try OpenQueues.queue(.cuda(index)) { try CUDAQueue(devices[index]) }
        case .opencl(let number):
            let devices = try explained { try OpenCLDevice.all() }
            let usable = devices.indices.filter { devices[$0].obstacle == nil }
            let first = usable.first { !devices[$0].isProcessor } ?? usable.first
            let index = try number ?? first ?? refuse(.opencl(nil))
            guard devices.indices.contains(index), devices[index].obstacle == nil else {
                return try refuse(.opencl(nil))
            }
            return try OpenQueues.queue(.opencl(index)) { try OpenCLQueue(devices[index]) }
        }
    }

    /// The devices of a library that doesn't have any, for which it throws a reason.
    private func explained<Device>(_ devices: () throws -> [Device]) throws -> [Device] {
        do {
            return try devices()
        } catch let error as CrypTenError {
            throw CrypTenError(error.code, "\(self) was asked for, and \(error.message)")
        }
    }

    /// Says that the device isn't there or can't be used, and which are.
    private func refuse<Result>(_ library: DeviceChoice) throws -> Result {
        let listed = DeviceList.all().devices
        if let asked = listed.first(where: { $0.choice == self }), let obstacle = asked.obstacle {
            throw CrypTenError(.deviceUnavailable, "\(self) was asked for, and \(obstacle); or choose cpu")
        }
        let choices = listed.filter { "\($0.choice)".hasPrefix("\(library)") }.map { device in
            "\(device.choice) (\(device.obstacle ?? device.name))"
        }
        throw CrypTenError(
            .deviceUnavailable,
            "\(self) was asked for, and there is \(choices.joined(separator: ", ")): choose one of these that can be used, or cpu"
        )
    }
}
