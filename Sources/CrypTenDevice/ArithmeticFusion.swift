import CrypTenRing

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
    /// How blocks are read whose elements don't lie one after the other.
    private(set) var walks: [ElementWalk] = []
    private var made: [ObjectIdentifier: Int] = [:]
    private var free = (0..<ElementwiseArguments.registers).map { UInt8($0) }
    /// Steps that have begun, and the registers and blocks that they may need yet: of the registers that are free, so many are spoken for.
    private var pending = (steps: 1, registers: 0, blocks: 0)

    /// Elements of each step.
    let count: Int

    init(_ promise: ArithmeticPromise) {
        count = promise.count
        _ = add(promise, offset: 0, shared: nil, inRegister: false)
    }

    /// The parts whose results are blocks, with the blocks' numbers; the promise's own is the last.
    var outputs: [(part: Int, block: Int)] {
        parts.indices.compactMap { index in
            let out = parts[index].out
            return out < ElementwiseArguments.firstBlock
                ? nil : (index, Int(out - ElementwiseArguments.firstBlock))
        }
    }

    private mutating func add(
        _ promise: ArithmeticPromise,
        offset: Int,
        shared: Storage?,
        inRegister: Bool
    ) -> UInt8 {
        var part = Part(promise: promise, shared: shared)
        // The first operand that needs a register has the result's until then.
        var spare = inRegister
        for index in 0..<promise.operands.count {
            let isShared = promise.operands.isShared(index)
            var view = promise.operands[index]
            let isBits = promise.hasBits && index == promise.operands.count - 1
            view.firstWord += isBits ? offset / 64 : offset
            // A block for each operand that is left, and for the result.
            let left = promise.operands.count - index - 1 + (inRegister ? 0 : 1)
            pending.blocks += left
            part.places.append(isBits ? block(view) : place(view, isShared, &spare))
            pending.blocks -= left
        }
        // Who isn't shared is read once: its register is free then.
        free += part.places.filter { $0 < ElementwiseArguments.firstBlock }
        if spare { pending.registers -= 1 }
        part.out = inRegister ? free.removeLast() : newBlock(nil)
        parts.append(part)
        return part.out
    }

    /// Where an operand is; `spare`: whether a register is spoken for that it can have.
    private mutating func place(_ view: StorageView, _ isShared: Bool, _ spare: inout Bool) -> UInt8 {
        guard case .promise(let source)? = view.storage.unread else { return block(view) }
        if let source = source as? ViewPromise {
            return place(view, of: source, isShared) ?? block(view)
        }
        guard let promise = source as? ArithmeticPromise else { return block(view) }
        let isWhole = view.firstWord == 0 && count == promise.count
        if isWhole, let known = made[ObjectIdentifier(view.storage)] { return parts[known].out }
        let inRegister = !isShared && (spare || pending.registers < free.count)
        let blocksAfter = blocks.count + pending.blocks + promise.operands.count + (inRegister ? 0 : 1)
        guard parts.count + pending.steps < ElementwiseArguments.steps,
            blocksAfter <= ElementwiseArguments.blocks,
            isWhole || !isShared && (!promise.hasBits || view.firstWord % 64 == 0)
        else { return block(view) }
        pending.steps += 1
        if inRegister {
            pending.registers += spare ? 0 : 1
            spare = false
        }
        let shared = isShared ? view.storage : nil
        let out = add(promise, offset: view.firstWord, shared: shared, inRegister: inRegister)
        pending.steps -= 1
        if isShared { made[ObjectIdentifier(view.storage)] = parts.count - 1 }
        return out
    }

    /// Elements that are read where they lie, by a walk; nil where they are copied first: others read them, too, or no walk leads there.
    private mutating func place(
        _ view: StorageView,
        of promise: ViewPromise,
        _ isShared: Bool
    )
        -> UInt8?
    {
        guard promise.needsNoCopy || !isShared,
            let walk = ElementWalk(promise.walk, from: view.firstWord)
        else { return nil }
        guard let number = walks.firstIndex(of: walk) ?? newWalk(walk) else { return nil }
        return block(promise.source) + ElementwiseArguments.walkedBlock(by: number)
    }

    private mutating func newWalk(_ walk: ElementWalk) -> Int? {
        guard walks.count < ElementwiseArguments.walks else { return nil }
        walks.append(walk)
        return walks.count - 1
    }

    private mutating func block(_ view: StorageView) -> UInt8 {
        let known = blocks.firstIndex {
            $0?.storage === view.storage && $0?.firstWord == view.firstWord
        }
        return known.map { ElementwiseArguments.firstBlock + UInt8($0) } ?? newBlock(view)
    }

    private mutating func newBlock(_ view: StorageView?) -> UInt8 {
        blocks.append(view)
        precondition(
            blocks.count <= ElementwiseArguments.blocks,
            "\(blocks.count) blocks for one kernel"
        )
        return ElementwiseArguments.firstBlock + UInt8(blocks.count - 1)
    }
}
