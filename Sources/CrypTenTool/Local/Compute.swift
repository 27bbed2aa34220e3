import ArgumentParser
import CrypTen
import Foundation

/// What a process computes with.
struct Compute: Sendable {
    /// Threads of its kernels; nil: the machine's processors divided by the parties.
    var threads: Int?
    var device = DeviceChoice.processor

    func apply(to configuration: inout SessionConfiguration) {
        configuration.threads = threads
        configuration.device = device
    }

    /// The options of each of some processes that share the machine.
    func arguments(sharedBy processes: Int) -> [String] {
        let each = threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount / processes)
        return ["--threads", "\(each)"] + (device == .processor ? [] : ["--device", "\(device)"])
    }
}

/// What a process computes with.
struct ComputeOptions: ParsableArguments {
    @OptionGroup var ownThreads: ThreadOptions
    @OptionGroup var ownDevice: DeviceOptions

    var compute: Compute {
        Compute(threads: ownThreads.threads, device: ownDevice.device)
    }
}

/// What tensors are computed on.
struct DeviceOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "What tensors are computed on: cpu, cuda or opencl (cuda:1 for the second one), or auto, the first of CUDA's where there is one. `crypten devices` lists them.",
            valueName: "device"
        ),
        transform: { try DeviceChoice($0) }
    )
    var device = DeviceChoice.processor
}
