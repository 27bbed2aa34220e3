import CrypTenBase
package import CrypTenRing

/// Adds numbers that every party knows to a share, or to a masked wire, whose mask stays.
///
/// Operands: the share or wire, then the plain tensor of the same shape.
/// - Complexity: local; the dealer need not know the numbers.
package struct AddPlainGate: Gate {
    package static let name = "add plain"

    package let form: LinearGate.Form

    package init(form: LinearGate.Form) {
        self.form = form
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2)
        try operands.plain(1, count: operands[0].count)
        switch (form, operands[0]) {
        case (.share, .share), (.wire, .wire), (.bits, .bits): return [operands[0]]
        default: throw malformed("operand 0 is \(operands[0]), not a \(form.rawValue)")
        }
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        switch form {
        case .share: context.yield(.nothing)
        case .wire: context.yield(.wire(context.wire(0)))
        case .bits: context.yield(.bits(context.bits(0)))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let plain = context.plain(1)
        switch form {
        case .share:
            let share = context.share(0)
            context.yield(.share(context.isFirst ? context.kernels.add(share, plain) : share))
        case .wire:
            var wire = context.wire(0)
            wire.hat = context.kernels.add(wire.hat, plain)
            context.yield(.wire(wire))
        case .bits:
            var bits = context.bits(0)
            bits.hat = context.kernels.xor(bits.hat, context.kernels.planes(of: plain, from: 0, count: 1))
            context.yield(.bits(bits))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}

/// A bilinear operation of a share and numbers that every party knows: `[op(x, c)] = op([x], c)`.
///
/// Operands in the operation's order. The factors act on shares, so the dealer need not know them; they must be
/// bit-identical at all parties.
/// - Complexity: local.
package struct PlainProductGate: Gate {
    package static let name = "plain product"

    package let operation: BilinearOperation
    package let left: Shape
    package let right: Shape
    package let plainIsLeft: Bool

    package init(operation: BilinearOperation, left: Shape, right: Shape, plainIsLeft: Bool) {
        self.operation = operation
        self.left = left
        self.right = right
        self.plainIsLeft = plainIsLeft
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2)
        let shapes =
            plainIsLeft
            ? (try operands.plain(0), try operands.share(1)) : (try operands.share(0), try operands.plain(1))
        try require(
            shapes == (left, right),
            "its operands have shapes \(shapes.0) and \(shapes.1), not \(left) and \(right)"
        )
        return [.share(try operation.checkedOutput(left, right))]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let product =
            plainIsLeft
            ? context.kernels.product(operation, context.plain(0), context.share(1))
            : context.kernels.product(operation, context.share(0), context.plain(1))
        context.yield(.share(product))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}

/// Slices of a shared table along an axis, by indices that every party knows: `[share, plain indices]` to a share.
///
/// The axis becomes the axes of the indices; a negative index counts from the end. The dealer doesn't learn the indices.
/// - Complexity: local.
/// - Throws: `CrypTenError.Code.outOfRange` where an index lies outside the axis.
package struct GatherGate: Gate {
    package static let name = "gather"

    package let axis: Int
    package let table: Shape
    package let indices: Shape

    package init(axis: Int, table: Shape, indices: Shape) {
        self.axis = axis
        self.table = table
        self.indices = indices
        trapUnlessValid()
    }

    package func check() throws {
        try require((0..<table.rank).contains(axis), "shape \(table) has no axis \(axis)")
        try require((try? output) != nil, "slices \(indices) of shape \(table) are too many")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2)
        let given = try operands.share(0)
        try require(given == table, "the table has shape \(given), not \(table)")
        try operands.plain(1, count: indices.count)
        return [.share(try output)]
    }

    private var output: Shape {
        get throws {
            try Shape(
                checking: Array(table.dimensions[..<axis] + indices.dimensions + table.dimensions[(axis + 1)...])
            )
        }
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let extent = table[axis]
        let positions = try context.plain(1).elements.enumerated().map { place, word in
            let index = Int(Int64(bitPattern: word))
            guard index >= -extent, index < extent else {
                throw CrypTenError(
                    .outOfRange,
                    "index \(index) at place \(place) lies outside an axis of \(extent)"
                )
            }
            return index < 0 ? index + extent : index
        }
        let slices = context.kernels.take(context.share(0), axis: axis, indices: positions)
        context.yield(.share(slices.reshaped(to: try output)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}

/// Numbers that every party knows as a masked wire, or as masked bits, whose mask is zero.
/// - Complexity: local.
package struct PromoteGate: Gate {
    package static let name = "promote"

    package let shape: Shape
    package let asBits: Bool

    package init(shape: Shape, asBits: Bool) {
        self.shape = shape
        self.asBits = asBits
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        let given = try operands.plain(0, count: shape.count)
        try require(asBits || given == shape, "it has shape \(given), not \(shape)")
        return [asBits ? .bits(count: shape.count, sharesHeld: true) : .wire(shape, WireForm())]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        context.yield(
            asBits
                ? .bits(context.zeroBits(planes: 1, count: shape.count))
                : .wire(WireMask(mask: context.zeros(shape), sharesHeld: true))
        )
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let plain = context.plain(0)
        if asBits {
            let hat = context.kernels.planes(of: plain, from: 0, count: 1)
            context.yield(.bits(MaskedBits(hat: hat, maskShare: BitPlanes(zeros: 1, count: shape.count))))
        } else {
            context.yield(.wire(MaskedWire(hat: plain, maskShare: RingTensor(zeros: shape))))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost()]
    }
}
