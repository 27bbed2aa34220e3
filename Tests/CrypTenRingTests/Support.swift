import CrypTenDevice
import CrypTenRing
import Testing

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

    mutating func planes(_ planes: Int, count: Int) -> BitPlanes {
        var out = BitPlanes(zeros: planes, count: count)
        out.withMutableWords { words in
            for i in 0..<planes * BitPlanes.words(for: count) { words[i] = next() }
        }
        out.clearTails()
        return out
    }
}

extension BitPlanes {
    /// All words, for comparison: tails are part of the claim.
    var allWords: [UInt64] {
        withWords { Array(UnsafeBufferPointer(start: $0, count: planes * wordsPerPlane)) }
    }
}

/// The specification.
let plain = PlainKernels()

/// Every instruction set that this machine has, on one thread and on three.
let natives: [NativeKernels] = NativeKernels.available.flatMap {
    [NativeKernels(threads: 1, instructionSet: $0), NativeKernels(threads: 3, instructionSet: $0)]
}

/// Every instruction set that this machine has, on one thread, and every device.
let onOneThread: [any Kernels] =
    NativeKernels.available.map { NativeKernels(threads: 1, instructionSet: $0) } + devices

/// Every device that OpenCL finds on this machine, and the first of CUDA's; none where there is none, or no such library.
///
/// That one which is there works is a test of its own.
let devices: [any Kernels] =
    ((try? OpenCLDevice.all()) ?? []).compactMap { device in
        (try? OpenCLQueue(device)).map { DeviceKernels(queue: $0, settings: .everything) }
    }
    + [(try? DeviceChoice.cuda(nil).open()) ?? nil].compactMap { $0 }.map {
        DeviceKernels(queue: $0, settings: .everything)
    }

/// The same with all products by residues, which a device takes for large ones.
let devicesByResidues: [any Kernels] = devices.compactMap { $0 as? DeviceKernels }.map { kernels in
    var settings = DeviceKernels.Settings.everything
    settings.residues = .always
    return DeviceKernels(queue: kernels.queue, settings: settings)
}

/// All that is held to the specification.
let implementations: [any Kernels] = natives + devices

/// Every cipher that this machine has, also those that a faster one takes the place of, on one thread and on three, and
/// every device.
let generators: [any Kernels] =
    NativeKernels.Cipher.available.flatMap { cipher in
        [1, 3].map {
            NativeKernels(threads: $0, instructionSet: NativeKernels.available[0], cipher: cipher)
        }
    } + devices

/// Around the widths of vectors, of words of bits and of blocks.
let counts = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1000, 2049]

extension NativeKernels: CustomTestStringConvertible {
    /// The instruction set, the cipher and the number of threads.
    public var testDescription: String {
        "\(name) with \(cipher.rawValue) on \(threads)"
    }
}

extension DeviceKernels: CustomTestStringConvertible {
    /// What stands behind the queue.
    public var testDescription: String {
        name
    }
}
