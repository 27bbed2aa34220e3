import CrypTenRing

/// Elements that an operation makes of others when somebody reads them: together with what it reads and isn't made yet, as one kernel.
final class ArithmeticPromise: DevicePromise {
    /// What is done to each element.
    struct Step: Sendable {
        var operation: ElementwiseOperation
        var s: UInt64 = 0
        var t: UInt64 = 0
        var v: UInt64 = 0
        var flag = false
    }

    let kernels: DeviceKernels
    let step: Step
    /// What it reads: elements, then what it adds to, then a plane of bits, as far as it has them.
    let operands: PromisedOperands
    let count: Int
    /// How many of the operands are elements; one that it adds to and one of bits may follow.
    let elements: Int
    let hasSum, hasBits: Bool

    init(
        _ step: Step,
        _ elements: [RingTensor],
        sum: RingTensor?,
        bits: BitPlanes?,
        _ kernels: DeviceKernels
    ) {
        self.kernels = kernels
        self.step = step
        count = elements[0].count
        self.elements = elements.count
        (hasSum, hasBits) = (sum != nil, bits != nil)
        var views = (elements + (sum.map { [$0] } ?? [])).map { StorageView($0) }
        if let bits { views.append(StorageView(bits)) }
        operands = PromisedOperands(views)
    }

    func write(to place: DeviceAddress, _ call: DeviceCall) throws {
        try call.compute(self, to: place)
    }
}
