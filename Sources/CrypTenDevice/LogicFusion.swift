import CrypTenRing

/// A promise with all that it reads and that isn't made yet, as one program: what stands in it, and a name for its form.
struct LogicFusion {
    /// What a part of the program reads: planes of a block of the input, or of another part.
    enum Operand {
        case block(Int)
        case part(Int, firstPlane: Int)
    }

    struct Part {
        let promise: LogicPromise
        /// How often a uniform program stands here, once for each plane.
        let planes: Int
        var operands: [Operand] = []
        /// Its storage, where others look into it and all of it is made here.
        var shared: Storage?
    }

    /// Each after those that it reads; the last one is the promise itself.
    private(set) var parts: [Part] = []
    private(set) var blocks: [(view: StorageView, planes: Int)] = []
    /// What two fusions that are the same program have in common.
    private(set) var form: [Int] = []
    /// How far planes lie apart, in words.
    let step: Int
    /// The promise's `tailedCount`.
    private let tail: Int
    private var steps = 0
    private var made: [ObjectIdentifier: Int] = [:]

    /// More isn't put together: programs stay short enough to be made quickly, and their blocks fit into what a kernel is told.
    private static let most = (steps: 4096, blocks: 24)

    init(_ promise: LogicPromise) {
        step = promise.step
        tail = promise.tailedCount
        _ = add(promise, planes: promise.isUniform ? promise.planes : 1, offset: 0)
        form += outputs
    }

    /// Puts a promise in, or the planes of a uniform one from a word on.
    private mutating func add(_ promise: LogicPromise, planes: Int, offset: Int) -> Int {
        var part = Part(promise: promise, planes: planes)
        steps += promise.program.steps.count * planes
        for index in 0..<promise.operands.count {
            let isShared = promise.operands.isShared(index)
            var view = promise.operands[index]
            view.firstWord += offset
            let count = promise.isUniform ? planes : promise.program.inputs[index]
            part.operands.append(operand(view, planes: count, isShared: isShared))
        }
        form += [Int(bitPattern: ObjectIdentifier(promise.program.identity)), planes]
        for operand in part.operands {
            switch operand {
            case .block(let index): form += [0, index, blocks[index].planes]
            case .part(let index, let plane): form += [1, index, plane]
            }
        }
        parts.append(part)
        return parts.count - 1
    }

    private mutating func operand(_ view: StorageView, planes: Int, isShared: Bool) -> Operand {
        guard case .promise(let source)? = view.storage.unread, let promise = source as? LogicPromise,
            promise.tailedCount == 0
                || promise.tailedCount == tail && promise.step == step && view.firstWord % step == 0,
            steps < Self.most.steps, blocks.count + promise.operands.count <= Self.most.blocks
        else { return block(view, planes: planes) }
        if promise.isUniform {
            let isWhole = view.firstWord == 0 && planes * step == view.storage.count
            guard isWhole || !isShared else { return block(view, planes: planes) }
            let known = isWhole ? made[ObjectIdentifier(view.storage)] : nil
            let index = known ?? add(promise, planes: planes, offset: view.firstWord)
            if isWhole { remember(index, view.storage, isShared: isShared) }
            return .part(index, firstPlane: 0)
        }
        guard promise.step == step, view.firstWord % step == 0 else {
            return block(view, planes: planes)
        }
        let index = made[ObjectIdentifier(view.storage)] ?? add(promise, planes: 1, offset: 0)
        remember(index, view.storage, isShared: isShared)
        return .part(index, firstPlane: view.firstWord / step)
    }

    private mutating func remember(_ index: Int, _ storage: Storage, isShared: Bool) {
        made[ObjectIdentifier(storage)] = index
        if isShared { parts[index].shared = storage }
    }

    private mutating func block(_ view: StorageView, planes: Int) -> Operand {
        if let known = blocks.firstIndex(where: {
            $0.view.storage === view.storage && $0.view.firstWord == view.firstWord && $0.planes == planes
        }) {
            return .block(known)
        }
        blocks.append((view, planes))
        return .block(blocks.count - 1)
    }

    /// Those parts that others look at, and the promise itself: blocks of the output.
    var outputs: [Int] {
        parts.indices.filter { parts[$0].shared != nil && $0 != parts.count - 1 } + [parts.count - 1]
    }

    func planes(ofPart index: Int) -> Int {
        parts[index].promise.isUniform ? parts[index].planes : parts[index].promise.program.outputs
    }

    /// The whole program, whose outputs lie one after the other.
    func program() -> BitProgram {
        var builder = BitProgram.Builder()
        let inputs = blocks.map { builder.input(planes: $0.planes) }
        var made: [[BitProgram.Builder.Bit]] = []
        for part in parts {
            let program = part.promise.program
            let operands = part.operands.enumerated().map { index, operand in
                let count = part.promise.isUniform ? part.planes : program.inputs[index]
                return switch operand {
                case .block(let block): inputs[block]
                case .part(let part, let plane): Array(made[part][plane..<plane + count])
                }
            }
            if part.promise.isUniform {
                made.append(
                    (0..<part.planes).map { plane in builder(program, on: operands.map { [$0[plane]] })[0] }
                )
            } else {
                made.append(builder(program, on: operands))
            }
        }
        return builder.program(outputs.flatMap { made[$0] })
    }
}
