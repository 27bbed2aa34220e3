package import CrypTenRing

// What is linear is done to the masks themselves.
extension DealerStage {
    package func zeros(_ shape: Shape) -> RingTensor {
        RingTensor(zeros: shape)
    }

    package func zeroBits(planes: Int, count: Int) -> BitPlanes {
        BitPlanes(zeros: planes, count: count)
    }

    package func slab(_ words: RingTensor, _ range: Range<Int>) -> RingTensor {
        words.flat(range)
    }

    package func slab(_ bits: BitPlanes, _ range: Range<Int>) -> BitPlanes {
        kernels.slab(bits, range)
    }

    package func planes(_ bits: BitPlanes, _ range: Range<Int>) -> BitPlanes {
        bits[range]
    }

    package func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        kernels.subtract(a, b)
    }

    package func apply(_ operation: LinearOperation, to words: [RingTensor]) -> RingTensor {
        operation.apply(words, kernels)
    }

    package func apply(_ operation: LinearOperation, to bits: [BitPlanes], shapes: [Shape]) -> BitPlanes {
        operation.apply(bits, shapes: shapes, kernels)
    }

    package func join(_ slabs: [BitPlanes], count: Int) -> BitPlanes {
        kernels.join(slabs, count: count)
    }

    package func xor(_ bits: [BitPlanes], count: Int) -> BitPlanes {
        kernels.xor(bits, count: count)
    }
}

extension Kernels {
    /// The XOR of any number of single planes of `count` bits.
    func xor(_ planes: [BitPlanes], count: Int) -> BitPlanes {
        switch planes.count {
        case 0: return BitPlanes(zeros: 1, count: count)
        case 1: return planes[0]
        default:
            var sum = xor(planes[0], planes[1])
            for plane in planes.dropFirst(2) { accumulate(&sum, xor: plane) }
            return sum
        }
    }
}
