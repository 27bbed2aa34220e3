package import CrypTenRing

// Operands cut into slabs, and results put together again: structure alone, no arithmetic.

extension MaskedWire {
    /// A run of the elements, of rank 1.
    package func slab(_ range: Range<Int>, _ kernels: any Kernels) -> MaskedWire {
        MaskedWire(
            hat: hat.flat(range),
            maskShare: maskShare?.flat(range),
            truncation: truncation.map {
                Truncation(shift: $0.shift, selector: kernels.slab($0.selector, range))
            }
        )
    }
}

extension MaskedBits {
    /// A run of the elements that starts at a multiple of 64.
    package func slab(_ range: Range<Int>, _ kernels: any Kernels) -> MaskedBits {
        MaskedBits(hat: kernels.slab(hat, range), maskShare: maskShare.map { kernels.slab($0, range) })
    }

    /// One plane, looking into the same storage.
    package subscript(plane: Int) -> MaskedBits {
        MaskedBits(hat: hat[plane], maskShare: maskShare?[plane])
    }
}

extension Kernels {
    /// Slabs of a tensor, in order, as one of the given shape.
    package func join(_ slabs: [RingTensor], shape: Shape) -> RingTensor {
        switch slabs.count {
        case 0: RingTensor(zeros: shape)
        case 1: slabs[0].reshaped(to: shape)
        default: concatenate(slabs, axis: 0).reshaped(to: shape)
        }
    }

    /// Slabs of one plane, in order, as one: all but the last hold whole words.
    package func join(_ slabs: [BitPlanes], count: Int) -> BitPlanes {
        switch slabs.count {
        case 0: BitPlanes(zeros: 1, count: count)
        case 1: slabs[0]
        default: planes(concatenate(slabs.map(\.asWords), axis: 0), planes: 1, count: count)
        }
    }

    /// The same of masked bits; shares of the mask are held of all slabs or of none.
    package func join(_ slabs: [MaskedBits], count: Int) -> MaskedBits {
        let masks = slabs.compactMap(\.maskShare)
        return MaskedBits(
            hat: join(slabs.map(\.hat), count: count),
            maskShare: masks.count == slabs.count ? join(masks, count: count) : nil
        )
    }
}
