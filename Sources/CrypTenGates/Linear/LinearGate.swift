package import CrypTenRing

/// A map that is linear over the ring, with all its numbers in the plan: what parties do to shares, and to masked wires
/// and their masks alike, without sending anything.
package enum LinearOperation: Hashable, Sendable, Codable {
    case reshape(Shape)
    case permute(axes: [Int])
    case slice(starts: [Int], steps: [Int], shape: Shape)
    case broadcast(Shape)
    case concatenate(axis: Int)
    case pad(before: [Int], after: [Int])
    case take(axis: Int, indices: [Int])
    case sum(axes: [Int])
    /// `Σ factors[i] · x_i` over operands of one shape.
    case combine(factors: [UInt64])

    package func apply(_ operands: [RingTensor], _ kernels: any Kernels) -> RingTensor {
        switch self {
        case .reshape(let shape):
            return operands[0].reshaped(to: shape)
        case .permute(let axes):
            return kernels.gather(operands[0], .permuting(operands[0].shape, axes: axes))
        case .slice(let starts, let steps, let shape):
            return kernels.gather(operands[0], .slicing(operands[0].shape, starts: starts, steps: steps, shape: shape))
        case .broadcast(let shape):
            return kernels.broadcast(operands[0], to: shape)
        case .concatenate(let axis):
            return kernels.concatenate(operands, axis: axis)
        case .pad(let before, let after):
            return kernels.pad(operands[0], before: before, after: after, value: 0)
        case .take(let axis, let indices):
            return kernels.take(operands[0], axis: axis, indices: indices)
        case .sum(let axes):
            return kernels.sum(operands[0], axes: axes)
        case .combine(let factors):
            var out =
                switch factors[0] {
                case 1: operands[0]
                case .max: kernels.negate(operands[0])
                default: kernels.multiply(operands[0], scalar: factors[0])
                }
            for (operand, factor) in zip(operands, factors).dropFirst() {
                switch factor {
                case 1: kernels.accumulate(&out, adding: operand)
                case .max: kernels.accumulate(&out, subtracting: operand)
                default: kernels.accumulate(&out, adding: operand, times: factor)
                }
            }
            return out
        }
    }

    /// The same of one plane of bits for each of some shapes, where elements only move.
    ///
    /// Bits go through words: one an element, moved, and packed again. Whole rows are copied as they are.
    package func apply(_ planes: [BitPlanes], shapes: [Shape], _ kernels: any Kernels) -> BitPlanes {
        switch self {
        case .reshape:
            return planes[0]
        case .take(let axis, let indices) where shapes[0].dimensions.prefix(axis).allSatisfy({ $0 == 1 }):
            let length = shapes[0].dimensions.dropFirst(axis + 1).reduce(1, *)
            return kernels.runs(of: planes[0], indices, length: length)
        case .concatenate(let axis) where shapes.allSatisfy({ $0.dimensions.prefix(axis).allSatisfy { $0 == 1 } }):
            return kernels.join(planes)
        default:
            break
        }
        let words = zip(planes, shapes).map { kernels.words(of: $0, shape: $1) }
        return kernels.planes(of: apply(words, kernels), from: 0, count: 1)
    }

    package var name: String {
        switch self {
        case .reshape: "reshape"
        case .permute: "permute"
        case .slice: "slice"
        case .broadcast: "broadcast"
        case .concatenate: "concatenate"
        case .pad: "pad"
        case .take: "take"
        case .sum: "sum"
        case .combine: "combine"
        }
    }
}

/// A linear operation on operands of one form: shares give a share, masked wires a masked wire, bits bits.
///
/// A wire is `hat − mask`, and the operation applies to both parts: the result's mask is the operation of the masks. The
/// parties hold shares of it where they hold shares of all the operands' masks.
/// - Complexity: local; nothing is opened or dealt.
package struct LinearGate: Gate {
    package static let name = "linear"

    /// What the operands are.
    package enum Form: String, Hashable, Sendable, Codable {
        case share
        case wire
        /// Structure only: reshape, permute, slice, broadcast, concatenate, pad, take.
        case bits
    }

    package let operation: LinearOperation
    package let form: Form
    /// The operands' shapes: bits don't carry theirs.
    package let shapes: [Shape]

    package init(_ operation: LinearOperation, form: Form, shapes: [Shape]) {
        self.operation = operation
        self.form = form
        self.shapes = shapes
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: shapes.count)
        let output = try operation.checkedOutput(shapes)
        switch form {
        case .share:
            for (index, shape) in shapes.enumerated() {
                let given = try operands.share(index)
                try require(given == shape, "operand \(index) has shape \(given), not \(shape)")
            }
            return [.share(output)]
        case .wire:
            var sharesHeld = true
            for (index, shape) in shapes.enumerated() {
                let given = try operands.wire(index)
                try require(given.shape == shape, "operand \(index) has shape \(given.shape), not \(shape)")
                sharesHeld = sharesHeld && given.form.sharesHeld
            }
            return [.wire(output, WireForm(sharesHeld: sharesHeld))]
        case .bits:
            try require(operation.movesElements, "\(operation.name) isn't one of bits")
            let held = try shapes.enumerated().map { try operands.bits($0, count: $1.count) }
            return [.bits(count: output.count, sharesHeld: held.allSatisfy { $0 })]
        }
    }

    package var stages: Int {
        1
    }

    /// On shares the dealer computes nothing, so it needs no factors and no indices.
    package var redacted: LinearGate {
        guard form == .share else { return self }
        switch operation {
        case .combine(let factors):
            return LinearGate(.combine(factors: factors.map { _ in 0 }), form: form, shapes: shapes)
        case .take(let axis, let indices):
            return LinearGate(.take(axis: axis, indices: indices.map { _ in 0 }), form: form, shapes: shapes)
        default:
            return self
        }
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        switch form {
        case .share:
            context.yield(.nothing)
        case .wire:
            let wires = shapes.indices.map { context.wire($0) }
            context.yield(
                .wire(
                    WireMask(
                        mask: context.apply(operation, to: wires.map(\.mask)),
                        sharesHeld: wires.allSatisfy(\.sharesHeld)
                    )
                )
            )
        case .bits:
            context.yield(.bits(context.apply(operation, to: shapes.indices.map { context.bits($0) }, shapes: shapes)))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        switch form {
        case .share:
            context.yield(.share(operation.apply(shapes.indices.map { context.share($0) }, kernels)))
        case .wire:
            let wires = shapes.indices.map { context.wire($0) }
            let masks = wires.compactMap(\.maskShare)
            context.yield(
                .wire(
                    MaskedWire(
                        hat: operation.apply(wires.map(\.hat), kernels),
                        maskShare: masks.count == wires.count ? operation.apply(masks, kernels) : nil
                    )
                )
            )
        case .bits:
            let operands = shapes.indices.map { context.bits($0) }
            let masks = operands.compactMap(\.maskShare)
            context.yield(
                .bits(
                    MaskedBits(
                        hat: operation.apply(operands.map(\.hat), shapes: shapes, kernels),
                        maskShare: masks.count == operands.count
                            ? operation.apply(masks, shapes: shapes, kernels) : nil
                    )
                )
            )
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}
