import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Testing

/// The suites of CrypTenRingTests hold every method to the specification on this device, too; here is one call of each kernel, and no kernel is
/// left out.
@Suite("Kernels under CUDA", .enabled(if: !usableWithCUDA.isEmpty, "CUDA finds no device on this machine"))
struct CUDAKernelTests {
    private static let calls: [(String, @Sendable (any Kernels) throws -> [UInt64])] = [
        ("expand", { $0.negate($0.expand(ExpansionKey(low: 1, high: 2), number: 3, from: 5, shape: [700])).elements }),
        ("elementwise", { $0.sine(tensor([257], 1), times: 3, plus: 7).elements }),
        ("copy", { $0.pad(tensor([5, 7], 2), before: [1, 2], after: [0, 3], value: 9).elements }),
        ("take", { $0.take(tensor([4, 6, 3], 3), axis: 1, indices: [5, 0, 0, 2]).elements }),
        ("sum", { $0.sum(tensor([300, 40], 4), axes: [0]).elements }),
        (
            "patches",
            { kernels in
                let (x, w) = (tensor([1, 3, 9, 8], 5), tensor([4, 3, 3, 3], 6))
                return kernels.product(.convolution(ConvolutionGeometry(padding: [1, 1, 1, 1])), x, w).elements
            }
        ),
        (
            "plane_product",
            { kernels in
                let (x, w) = (tensor([1, 6, 9, 8], 24), tensor([6, 1, 3, 3], 25))
                let geometry = ConvolutionGeometry(padding: [1, 1, 1, 1], groups: 6)
                return kernels.product(.convolution(geometry), x, w).elements
            }
        ),
        ("planes_of", { $0.planes(of: tensor([65], 7), from: 3, count: 50).asWords.elements }),
        ("tails", { $0.not($0.planes(of: tensor([65], 8), from: 0, count: 4)).asWords.elements }),
        ("words_of", { $0.words(of: $0.planes(of: tensor([130], 9), from: 0, count: 33), shape: [130]).elements }),
        (
            "boolean_program",
            { kernels in
                let (a, b) = (
                    kernels.planes(of: tensor([99], 10), from: 0, count: 9),
                    kernels.planes(of: tensor([99], 11), from: 1, count: 9)
                )
                return kernels.xor(kernels.and(a, b), a).asWords.elements
            }
        ),
        (
            "weights",
            { kernels in
                let bits = (0..<3).map { kernels.planes(of: tensor([100], 12 + UInt64($0)), from: 0, count: 1) }
                return kernels.weights(of: bits, factors: [3, 5, 7], constant: 11).elements
            }
        ),
        (
            "truncate",
            { kernels in
                let (out, selector) = kernels.truncate(tensor([131], 15), by: 16)
                return out.elements + selector.asWords.elements
            }
        ),
        ("unpack", { $0.unpack($0.pack(tensor([77], 16), bits: 11), bits: 11, shape: [77]).elements }),
        (
            "fill",
            {
                $0.concatenate(
                    [tensor([3, 2], 17), $0.pad(tensor([1, 2], 18), before: [2, 0], after: [0, 0], value: 4)],
                    axis: 0
                ).elements
            }
        ),
        (
            "plane_product",
            { kernels in
                let (x, w) = (tensor([2, 3, 9, 8], 28), tensor([6, 1, 3, 3], 29))
                return kernels.product(.convolution(ConvolutionGeometry(groups: 3)), x, w).elements
            }
        ),
        (
            "ring_product",
            { kernels in
                let (a, b) = (tensor([2, 65, 17], 19), tensor([2, 17, 66], 20))
                return kernels.product(.matmul(transposeLeft: false, transposeRight: false), a, b).elements
            }
        ),
    ]

    /// With all products by residues.
    private static let callsByResidues: [(String, @Sendable (any Kernels) throws -> [UInt64])] = [
        (
            "residues, residue_product, reconstruct",
            { kernels in
                let (a, b) = (tensor([2, 65, 170], 24), tensor([2, 170, 66], 25))
                return kernels.product(.matmul(transposeLeft: false, transposeRight: false), a, b).elements
            }
        ),
        (
            "a convolution by taps",
            { kernels in
                let (x, w) = (tensor([2, 20, 9, 8], 26), tensor([4, 20, 3, 3], 27))
                return kernels.product(.convolution(ConvolutionGeometry(padding: [1, 1, 1, 1])), x, w).elements
            }
        ),
    ]

    private static var byResidues: DeviceKernels.Settings {
        var settings = DeviceKernels.Settings.everything
        settings.residues = .always
        return settings
    }

    private static func tensor(_ shape: Shape, _ seed: UInt64) -> RingTensor {
        var numbers = SeededNumbers(seed)
        return numbers.tensor(shape)
    }

    @Test("equal the specification", arguments: calls.map(\.0))
    func each(kernel: String) throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        let call = try #require(Self.calls.first { $0.0 == kernel }).1
        #expect(try call(DeviceKernels(queue: queue, settings: .everything)) == call(plain))
    }

    @Test("equal the specification by residues", arguments: callsByResidues.map(\.0))
    func eachByResidues(name: String) throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        let call = try #require(Self.callsByResidues.first { $0.0 == name }).1
        #expect(try call(DeviceKernels(queue: queue, settings: Self.byResidues)) == call(plain))
    }

    @Test("are all launched", .enabled(if: TestDriver.shared != nil, "there is no driver of Scripts/gpu-test-driver"))
    func all() throws {
        let (driver, queue) = (try #require(TestDriver.shared), try CUDAQueue(usableWithCUDA[0]))
        let kernels = DeviceKernels(queue: queue, settings: .everything)
        for (_, call) in Self.calls { _ = try call(kernels) }
        let byResidues = DeviceKernels(queue: queue, settings: Self.byResidues)
        for (_, call) in Self.callsByResidues { _ = try call(byResidues) }
        var sum = Self.tensor([40], 21)
        let packed = kernels.pack(Self.tensor([40], 22), bits: 7)
        let chosen = kernels.planes(of: Self.tensor([40], 23), from: 0, count: 1)
        kernels.accumulate(&sum, addingUnpacked: packed, bits: 7, shiftedLeft: 3, where: chosen)
        var all = Self.tensor([40], 21)
        plain.accumulate(&all, addingUnpacked: packed, bits: 7, shiftedLeft: 3, where: chosen)
        #expect(sum.elements == all.elements)
        for kernel in KernelSource.text.matches(of: /(?m)^KERNEL\((\w+),/).map({ String($0.1) }) {
            #expect(driver.count("launches of \(kernel)") > 0, "\(kernel)")
        }
    }
}
