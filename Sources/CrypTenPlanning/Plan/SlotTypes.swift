import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// What is in each slot of a plan so far, and how much all of it takes: a plan checked step by step.
///
/// Errors are `CrypTenError.Code.malformedFile`, and say what is wrong but not where.
struct SlotTypes {
    private let parties: Int
    private let slabs: Slabs
    private var types: [OperandType?]
    private let sources: Range<Int>
    private var words = 0
    private var products = 0

    init(_ plan: Plan) {
        parties = plan.parties
        slabs = plan.slabs
        types = Array(repeating: nil, count: plan.slots)
        // A graph's inputs are numbered through; some may be read by nothing.
        sources = 0..<1 << 20
    }

    /// Puts a binding's value into its slot.
    mutating func fill(_ binding: PlanBinding) throws {
        try checkScale(binding.scale)
        let shape = binding.shape
        let type: OperandType
        switch binding.source {
        case .input(let owner, let index):
            try require((0..<parties).contains(owner.index) && sources.contains(index), "input \(index) of \(owner)")
            type = .plain(shape, party: owner.index)
        case .plain(let index), .constant(let index):
            try require(sources.contains(index), "public operand \(index)")
            type = .plain(shape, party: nil)
        case .kept(let index, let form):
            try require(sources.contains(index), "kept value \(index)")
            switch form {
            case .share: type = .share(shape)
            case .wire(let owner):
                try require(owner.map { (0..<parties).contains($0) } ?? true, "a value of party \(owner ?? 0)")
                type = .wire(shape, WireForm())
            case .bits: type = .bits(count: shape.count, sharesHeld: true)
            }
        }
        try charge(shape)
        try put(type, into: binding.slot)
    }

    /// Puts a step's results into its slots.
    mutating func fill(_ step: PlanStep) throws {
        let operands = OperandTypes(try step.inputs.map { try read($0) })
        for slot in step.after ?? [] { _ = try read(slot) }
        let gate = step.gate.gate
        for shape in step.gate.shapes { try Self.checkExtents(shape) }
        try gate.check()
        let results = try gate.results(of: operands, parties: parties)
        try require(results.count == step.outputs.count, "it has \(step.outputs.count) results, not \(results.count)")
        for result in results {
            switch result {
            case .share(let shape), .wire(let shape, _), .plain(let shape, _): try charge(shape)
            case .bits(let count, _): try charge([count])
            }
        }
        let streams = gate.streams(slabs: slabs)
        try require(streams <= GateLimits.streams, "a stage draws \(streams) streams of random words")
        for stage in gate.cost(parties: parties, slabs: slabs) {
            try charge(stage.correctionWords)
            for opening in stage.openings { try charge(opening.words) }
        }
        products = Self.sum(products, step.gate.multiplyAccumulates)
        try require(products <= Plan.Limits.products, "so far \(products) multiply-accumulates")
        for (slot, result) in zip(step.outputs, results) { try put(result, into: slot) }
    }

    /// Hands an output's value out.
    func read(_ output: PlanOutput) throws {
        try checkScale(output.scale)
        let type = try read(output.slot)
        let count = output.shape.count
        var receiver: Int?
        if case .reveal(let party) = output.destination { receiver = party?.index }
        let fits =
            switch (output.destination, output.kept, type) {
            case (.keep, .share?, .share(let shape)): shape == output.shape
            case (.keep, .wire?, .wire(let shape, let form)): shape == output.shape && form == WireForm()
            case (.keep, .bits?, .bits(count, true)): true
            case (.reveal, nil, .plain(let shape, let party)):
                shape.count == count && (party == nil || party == receiver)
            default: false
            }
        try require(fits, "\(type) can't be handed out as \(output.kept.map { "\($0)" } ?? "plain") \(output.shape)")
    }

    // MARK: Slots

    private func read(_ slot: Int) throws -> OperandType {
        guard types.indices.contains(slot), let type = types[slot] else {
            throw malformed("it reads slot \(slot), which nothing has filled")
        }
        return type
    }

    private mutating func put(_ type: OperandType, into slot: Int) throws {
        try require(types.indices.contains(slot) && types[slot] == nil, "it fills slot \(slot)")
        types[slot] = type
    }

    // MARK: Sizes

    private mutating func charge(_ shape: Shape) throws {
        try Self.checkExtents(shape)
        try charge(shape.count)
    }

    private mutating func charge(_ count: Int) throws {
        words = Self.sum(words, count)
        try require(words <= Plan.Limits.words, "so far \(words) elements and words; \(Plan.Limits.words) are the most")
    }

    /// Few elements, were no extent 0: work may go by the others.
    private static func checkExtents(_ shape: Shape) throws {
        try require(
            Shape.positions(shape.dimensions) <= Plan.Limits.elements,
            "shape \(shape) has too many elements; \(Plan.Limits.elements) are the most"
        )
    }

    private func checkScale(_ scale: Int) throws {
        try require(Plan.Limits.scales.contains(scale), "\(scale) fraction bits")
    }

    private static func sum(_ a: Int, _ b: Int) -> Int {
        let (sum, overflows) = a.addingReportingOverflow(b)
        return overflows ? .max : sum
    }
}

private func malformed(_ what: String) -> CrypTenError {
    CrypTenError(.malformedFile, what)
}

private func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw malformed(what()) }
}

extension PlanGate {
    /// The shapes that the gate's fields name: what its work and its cost go by.
    fileprivate var shapes: [Shape] {
        switch self {
        case .input(let gate): [gate.shape]
        case .mask(let gate): [gate.shape]
        case .unmask, .addPlain: []
        case .linear(let gate): gate.shapes + gate.operation.shapes
        case .plainProduct(let gate): [gate.left, gate.right]
        case .gather(let gate): [gate.table, gate.indices]
        case .promote(let gate): [gate.shape]
        case .bilinear(let gate): [gate.product.left, gate.product.right]
        case .absorbed(let gate): [gate.shape] + gate.products.flatMap { [$0.left, $0.right] }
        case .truncate(let gate): [gate.shape]
        case .quotient(let gate): [gate.shape]
        case .truncateInPlace(let gate): [gate.shape]
        case .truncatedProduct(let gate): [gate.shape]
        case .sign(let gate): [gate.shape]
        case .revealedSign(let gate): [gate.shape]
        case .truncatedReLU(let gate): [gate.shape]
        case .isZero(let gate): [gate.shape]
        case .bitToArithmetic(let gate): [gate.shape]
        case .step(let gate): [gate.shape]
        case .magnitude(let gate): [gate.shape]
        case .stepProduct(let gate): [gate.shape]
        case .select(let gate): [gate.shape]
        case .polynomial(let gate): [gate.shape]
        case .trigonometric(let gate): [gate.shape]
        case .exponential(let gate): [gate.shape]
        case .boolean(let gate): [gate.shape]
        case .linearBits(let gate): [gate.shape]
        case .maximum(let gate): [gate.shape]
        case .random(let gate): [gate.shape]
        case .drawnBits(let gate): [gate.shape]
        case .permutation(let gate): gate.shapes
        case .reshare(let gate): [gate.shape]
        case .reveal(let gate): [gate.shape]
        case .revealBits(let gate): [gate.shape]
        }
    }
}

extension LinearOperation {
    fileprivate var shapes: [Shape] {
        switch self {
        case .reshape(let shape), .broadcast(let shape), .slice(_, _, let shape): [shape]
        case .permute, .concatenate, .pad, .take, .sum, .combine: []
        }
    }
}
