import CrypTenDevice
import CrypTenRing
import Testing

/// Kernels on every device that take residues for every product, with so much room for them.
func residueKernels() throws -> [DeviceKernels] {
    try queues.get().map { residueKernels($0, bytes: 256 << 20) }
}

func residueKernels(_ queue: any DeviceQueue, bytes: Int) -> DeviceKernels {
    var settings = DeviceKernels.Settings.everything
    settings.residues = .always
    settings.residueBytes = bytes
    return DeviceKernels(queue: queue, settings: settings)
}

/// The words that a sum of products by residues is nearest to failing at, or any.
enum Words: CaseIterable, Sendable {
    case smallest, minusOne, largestTimesSmallest, alternating, any

    func tensor(_ shape: Shape, first: Bool, _ numbers: inout SeededNumbers) -> RingTensor {
        let smallest = UInt64(1) << 63
        let words = (0..<shape.count).map { i in
            switch self {
            case .smallest: smallest
            case .minusOne: UInt64.max
            case .largestTimesSmallest: first ? smallest - 1 : smallest
            case .alternating: i % 2 == 0 ? smallest : smallest - 1
            case .any: numbers.next()
            }
        }
        return RingTensor(words, shape: shape)
    }
}

func expectEqual(
    _ kernels: DeviceKernels,
    _ operation: BilinearOperation,
    _ left: Shape,
    _ right: Shape,
    _ words: Words = .any,
    subtracting: Bool = false
) throws {
    var numbers = SeededNumbers(UInt64(left.count &* 31 &+ right.count))
    let a = words.tensor(left, first: true, &numbers)
    let b = words.tensor(right, first: false, &numbers)
    var sum = numbers.tensor(try operation.outputShape(left, right))
    var expected = sum
    kernels.accumulate(&sum, operation, a, b, subtracting: subtracting)
    plain.accumulate(&expected, operation, a, b, subtracting: subtracting)
    #expect(sum.elements == expected.elements, "\(operation) of \(left) and \(right), \(words)")
    try kernels.check()
}
