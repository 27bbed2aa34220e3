import CrypTenRing

/// Elements that an operation makes of others when somebody reads them: together with what it reads and isn't made yet, as one kernel.
///
/// Immutable, but for how many others look at what it reads.
final class ArithmeticPromise: WordPromise, @unchecked Sendable {
    /// What is done to each element.
    struct Step {
        var operation: ElementwiseOperation
        var s: UInt64 = 0
        var t: UInt64 = 0
        var v: UInt64 = 0
        var flag = false
    }

    let kernels: DeviceKernels
    let step: Step
    /// What it reads: elements, then what it adds to, then a plane of bits, as far as it has them.
    fileprivate(set) var operands: [StorageView]
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
        operands = (elements + (sum.map { [$0] } ?? [])).map { StorageView($0) }
        if let bits { operands.append(StorageView(bits)) }
    }

    func compute() throws -> DeviceWords {
        try kernels.computing { try $0.compute(self) }
    }

    /// Whether somebody else than this promise looks at an operand's storage.
    fileprivate func isShared(_ operand: Int) -> Bool {
        !isKnownUniquelyReferenced(&operands[operand].storage)
    }
}

/// A promise with all that it reads and that isn't made yet: steps on registers and blocks of memory.
struct ArithmeticFusion {
    struct Part {
        let promise: ArithmeticPromise
        /// By operand: where it is.
        var places: [UInt8] = []
        /// Where the result goes.
        var out: UInt8 = 0
        /// Its storage, where others look into it: then its result is a block.
        var shared: Storage?
    }

    /// A block of memory that is read, or nil for one that is made.
    private(set) var blocks: [StorageView?] = []
    /// Each after those that it reads; the last one is the promise itself.
    private(set) var parts: [Part] = []
    private var made: [ObjectIdentifier: Int] = [:]
    private var free = (0..<ElementwiseArguments.registers).map { UInt8($0) }
    /// Steps that have begun, and blocks that they may need yet.
    private var pending = (steps: 1, blocks: 0)

    /// Elements of each step.
    let count: Int

    init(_ promise: ArithmeticPromise) {
        count = promise.count
        _ = add(promise, offset: 0, shared: nil, isRoot: true)
    }

    /// The parts whose results are blocks, with the blocks' numbers; the promise's own is the last.
    var outputs: [(part: Int, block: Int)] {
        parts.indices.compactMap { index in
            let out = parts[index].out
            return out < ElementwiseArguments.firstBlock ? nil : (index, Int(out - ElementwiseArguments.firstBlock))
        }
    }

    private mutating func add(
        _ promise: ArithmeticPromise,
        offset: Int,
        shared: Storage?,
        isRoot: Bool
    ) -> UInt8 {
        var part = Part(promise: promise, shared: shared)
        for index in promise.operands.indices {
            var view = promise.operands[index]
            let isBits = promise.hasBits && index == promise.operands.count - 1
            view.firstWord += isBits ? offset / 64 : offset
            // A block for each operand that is left, and for the result.
            let left = promise.operands.count - index + 1
            part.places.append(
                isBits ? block(view) : place(view, promise.isShared(index), blocksLeft: left)
            )
        }
        // Who isn't shared is read once: its register is free then.
        free += part.places.filter { $0 < ElementwiseArguments.firstBlock }
        if !isRoot, shared == nil, let register = free.popLast() {
            part.out = register
        } else {
            part.out = newBlock(nil)
        }
        parts.append(part)
        return part.out
    }

    private mutating func place(_ view: StorageView, _ isShared: Bool, blocksLeft: Int) -> UInt8 {
        guard case .promise(let source)? = view.storage.unread, let promise = source as? ArithmeticPromise else {
            return block(view)
        }
        let isWhole = view.firstWord == 0 && count == promise.count
        if isWhole, let known = made[ObjectIdentifier(view.storage)] { return parts[known].out }
        let blocksAfter = blocks.count + promise.operands.count + 1 + blocksLeft + pending.blocks
        guard parts.count + pending.steps < ElementwiseArguments.steps, blocksAfter <= ElementwiseArguments.blocks,
            isWhole || !isShared && (!promise.hasBits || view.firstWord % 64 == 0)
        else { return block(view) }
        pending.steps += 1
        pending.blocks += blocksLeft
        let out = add(promise, offset: view.firstWord, shared: isShared ? view.storage : nil, isRoot: false)
        pending.steps -= 1
        pending.blocks -= blocksLeft
        if isShared { made[ObjectIdentifier(view.storage)] = parts.count - 1 }
        return out
    }

    private mutating func block(_ view: StorageView) -> UInt8 {
        let known = blocks.firstIndex { $0?.storage === view.storage && $0?.firstWord == view.firstWord }
        return known.map { ElementwiseArguments.firstBlock + UInt8($0) } ?? newBlock(view)
    }

    private mutating func newBlock(_ view: StorageView?) -> UInt8 {
        blocks.append(view)
        precondition(blocks.count <= ElementwiseArguments.blocks, "\(blocks.count) blocks for one kernel")
        return ElementwiseArguments.firstBlock + UInt8(blocks.count - 1)
    }
}
