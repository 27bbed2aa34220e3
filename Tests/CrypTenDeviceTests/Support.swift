import CrypTenBase
import CrypTenDevice
import CrypTenRing

/// The specification.
let plain = PlainKernels()

/// The devices that OpenCL finds on this machine and a queue can use, or why there are none.
let found = Result {
    let devices = try OpenCLDevice.all()
    let usable = devices.filter { $0.obstacle == nil }
    if usable.isEmpty {
        throw CrypTenError(
            .deviceUnavailable,
            devices.first?.obstacle ?? "OpenCL's drivers have no device on this machine"
        )
    }
    return usable
}

let usable = (try? found.get()) ?? []

/// The devices that CUDA finds on this machine and a queue can use: a driver for tests is as good as another.
let usableWithCUDA = ((try? CUDADevice.all()) ?? []).filter { $0.obstacle == nil }

/// A queue of each, for all tests that break nothing; of CUDA's the first alone.
let queues = Result {
    try usable.map { try OpenCLQueue($0) as any DeviceQueue } + usableWithCUDA.prefix(1).map { try CUDAQueue($0) }
}

/// SplitMix64: numbers from a seed, the same on every machine.
struct SeededNumbers {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func tensor(_ shape: Shape) -> RingTensor {
        RingTensor((0..<shape.count).map { _ in next() }, shape: shape)
    }
}
