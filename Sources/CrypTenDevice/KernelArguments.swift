// What kernels are told: the structs of Kernels/arguments.h, field by field. Fields of 8 bytes come first and those of 4 in pairs, so Swift lays
// them out as C does; a test holds sizes and offsets. Steps may be negative: modulo 2^64.

/// As many numbers as a view has axes at most.
package struct AxisNumbers {
    private var numbers: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    static let most = 8

    /// The numbers of some axes, and `rest` for the others, which come first.
    init(_ axes: [Int], rest: Int) {
        precondition(axes.count <= Self.most, "\(axes.count) axes where a kernel knows \(Self.most)")
        let all = [Int](repeating: rest, count: Self.most - axes.count) + axes
        let words = all.map { UInt64(bitPattern: Int64($0)) }
        numbers = (words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7])
    }
}

package struct FillArguments {
    package var to, count, value: UInt64
}

/// What an elementwise kernel computes, in the order of arguments.h.
package enum ElementwiseOperation: UInt32, CaseIterable {
    case add, subtract, multiply, negate, addScalar, multiplyScalar
    case addProduct, subtractProduct, addTimes
    case shiftRight, shiftLeft, lowBits, multiplyHigh, sine, harmonic, powerOfTwo
    case keepWhere, addWhere, negateWhere, selection, addTimesNegatedWhere, addProductLess
}

package struct ElementwiseStep {
    package var s, t, v: UInt64
    package var operation, flags, places, more: UInt32
}

/// How many steps, blocks, registers and walks a kernel has, and where the fields of `elementwise_args` lie, in bytes: its steps come first.
package enum ElementwiseArguments {
    package static let steps = 16
    package static let blocks = 24
    package static let registers = 8
    package static let walks = 5
    /// The place of the first block; those before it are registers.
    package static let firstBlock: UInt8 = 32
    package static let noPlace: UInt8 = 255

    /// How much further than a block's place is that of what a walk finds in it.
    package static func walkedBlock(by walk: Int) -> UInt8 {
        32 * UInt8(walk + 1)
    }

    package static let bases = steps * MemoryLayout<ElementwiseStep>.stride
    package static let count = bases + blocks * 8
    package static let firstWalk = count + 8
    package static let walkBytes = 32
    package static let stepCount = firstWalk + walks * walkBytes
    package static let bytes = stepCount + 8
}

/// What becomes of a word that is made, or copied, and the one in its place.
package enum Combination: UInt32 {
    case store, add, subtract, xor
}

package struct ExpandPart {
    package var to, count, number, first: UInt64
    package var combination, key, groups: UInt32
    package var unused: UInt32 = 0
}

/// Where the fields of `expand_args` lie, in bytes: its parts come first.
package enum ExpandArguments {
    package static let mostParts = 10
    package static let mostKeys = 3

    package static let keys = mostParts * MemoryLayout<ExpandPart>.stride
    package static let count = keys + mostKeys * MemoryLayout<RoundKeys>.stride
    package static let bytes = count + 8

    /// The words that a group makes, from a multiple of 512 on.
    package static let wordsOfGroup = 2048
}

package struct TailsArguments {
    package var to, planes, step, mask: UInt64
}

package struct TruncateArguments {
    package var to, selector, from, count: UInt64
    package var shift: UInt32
    package var unused: UInt32 = 0
}

package struct PackArguments {
    package var to, from, count: UInt64
    package var bits: UInt32
    package var unused: UInt32 = 0
}

package struct AddUnpackedArguments {
    package var to, from, chosen, count: UInt64
    package var bits, shift: UInt32
}

package struct PlanesArguments {
    package var to, from, count, step: UInt64
    package var low, planes: UInt32
}

/// What comes first in `boolean_args`, and where the rest lies, in bytes.
package struct BooleanArguments {
    /// As many blocks as need no table.
    package static let mostBlocks = 32
    /// A plane of a block, and no register.
    package static let placeOfBlock: UInt32 = 0x8000_0000
    /// So many registers need no scratch.
    package static let localRegisters = 32

    package static let bases = MemoryLayout<BooleanArguments>.stride
    package static let steps = bases + mostBlocks * 8
    package static let registers = steps + 4
    package static let bytes = steps + 8

    package var program, table, scratch, count, step: UInt64
}

package struct CopyArguments {
    package var to, from, count, toOffset, fromOffset: UInt64
    package var extents, toSteps, fromSteps: AxisNumbers
    package var combination: UInt32
    package var unused: UInt32 = 0
}

package struct TakeArguments {
    package var to, from, indices, outer, count, extent, inner: UInt64
}

package struct SumArguments {
    package var to, from, count, terms: UInt64
    package var keptExtents, keptSteps, summedExtents, summedSteps: AxisNumbers
    package var width: UInt32
    package var unused: UInt32 = 0
}

package struct ProductArguments {
    package var c, a, b: UInt64
    package var aRow, aInner, bInner, bColumn: UInt64
    package var aBatch, bBatch, cBatch: UInt64
    package var rows, columns, inner, subtract: UInt32
}

package struct PatchesArguments {
    package var to, from, channelStep, rowStep, columnStep, count: UInt64
    package var channels, height, width, kernelHeight, kernelWidth, outHeight, outWidth: UInt32
    package var strideY, strideX, paddingY, paddingX, dilationY, dilationX: UInt32
    package var unused: UInt32 = 0
}

package struct PlaneProductArguments {
    package var to, image, weights, count: UInt64
    package var outputs, groupOutputs, height, width, kernelHeight, kernelWidth, outHeight, outWidth: UInt32
    package var strideY, strideX, paddingY, paddingX, dilationY, dilationX, subtract: UInt32
    package var unused: UInt32 = 0
}

package struct ResiduesArguments {
    package var to, from, outerStep, rowStep, innerStep: UInt64
    package var rows, split, inner, padded: UInt32
}

package struct ResidueProductArguments {
    package var to, a, b, aPlane, bPlane, aBatch, bBatch: UInt64
    package var batches, rows, columns, padded, firstPixel, tapChunks, imageChunks: UInt32
    package var height, width, kernelHeight, kernelWidth, outPlane, outWidth: UInt32
    package var strideY, strideX, paddingY, paddingX, dilationY, dilationX: UInt32
    package var unused: UInt32 = 0
}

package struct ReconstructArguments {
    package var to, from, batchStep, rowStep, imageStep: UInt64
    package var batches, rows, columns, padded, firstPixel, outPlane, subtract: UInt32
    package var unused: UInt32 = 0
}

package struct WeightsArguments {
    package var to, blocks, factors, addend, count: UInt64
    package var planes: UInt32
    package var unused: UInt32 = 0
}
