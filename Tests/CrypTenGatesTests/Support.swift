import CrypTenDevice
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Counts around every edge of a word, and more than one slab.
let counts = [0, 1, 63, 64, 65, 4097]
let moreThanASlab = Slabs.usual.size + 65
/// Of few elements and of many.
let otherSlabs = [Slabs(bits: 12), Slabs(bits: 18)]
let parties = [2, 3, 5]

/// Every backend: the specification, what this machine runs, and every device that OpenCL finds on it, with and without what stays on
/// the host because it's small.
func backends() -> [any Kernels] {
    [PlainKernels(), NativeKernels(threads: 1)] + devices
}

/// That a device which is there works is a test of CrypTenDeviceTests.
private let devices: [any Kernels] = ((try? OpenCLDevice.all()) ?? []).flatMap { device -> [any Kernels] in
    guard let queue = try? OpenCLQueue(device) else { return [] }
    return [DeviceKernels(queue: queue, settings: .everything), DeviceKernels(queue: queue)]
}

/// Runs a gate in the first of some slabs on every backend, and in the others; holds all outputs against the plain ones, and the transcripts of equal slabs
/// against each other.
///
/// - Parameter inputs: makes the operands; called once a run, with one seed.
func check(
    _ gate: some Gate,
    parties: Int,
    seed: UInt64 = 7,
    shapes: [Shape]? = nil,
    slabs: [Slabs] = [.usual] + otherSlabs,
    expected: [[UInt64]],
    location: SourceLocation = #_sourceLocation,
    inputs: (GateSimulator) throws -> [SimulatedValue]
) throws {
    var transcripts: [Slabs: [[UInt64]]] = [:]
    let native: any Kernels = NativeKernels(threads: 1)
    for (kernels, slabs) in backends().map({ ($0, slabs[0]) }) + slabs.dropFirst().map({ (native, $0) }) {
        let simulator = GateSimulator(parties: parties, seed: seed, kernels: kernels, slabs: slabs)
        let outputs = try simulator.run(gate, try inputs(simulator), shapes: shapes)
        #expect(outputs.count == expected.count, sourceLocation: location)
        for (output, want) in zip(outputs, expected) {
            let got = try output.plain()
            let wrong = zip(got, want).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            #expect(
                got.count == want.count && wrong == nil,
                "\(kernels.name), slabs of \(slabs.size), \(parties) parties, seed \(seed): element \(wrong ?? -1) of \(want.count)",
                sourceLocation: location
            )
        }
        transcripts[slabs, default: []].append(simulator.transcript)
    }
    for transcripts in transcripts.values {
        #expect(
            transcripts.allSatisfy { $0 == transcripts[0] },
            "backends send the same words",
            sourceLocation: location
        )
    }
}

/// One and zero for a condition.
func words(_ bits: [Bool]) -> [UInt64] {
    bits.map { $0 ? 1 : 0 }
}

/// ⌊z / 2^shift⌋ + [dither < z mod 2^shift]: what a truncation of a wire with this public part gives.
func rounded(_ z: [UInt64], hat: [UInt64], shift: Int) -> [UInt64] {
    let low = (UInt64(1) << UInt64(shift)) - 1
    return zip(z, hat).map { z, hat in
        UInt64(bitPattern: Int64(bitPattern: z) >> Int64(shift)) &+ (hat & low < z & low ? 1 : 0)
    }
}

extension SimulatedValue {
    /// A wire's public part.
    var hat: [UInt64] {
        guard case .wire(let wire) = parties[0] else { return [] }
        return wire.hat.elements
    }
}

/// The range of a truncation.
let truncationRange: ClosedRange<Int64> = -(1 << 62)...(1 << 62)
