internal import CCrypTenKernels

extension NativeKernels {
    package func subsetProducts(of planes: BitPlanes, starts: [Int], size: Int) -> BitPlanes {
        BitPlanes.check(groups: starts, of: size, in: planes)
        var out = BitPlanes(uninitialized: (1 << size - 1) * starts.count, count: planes.count)
        let step = planes.wordsPerPlane
        planes.withWords { bits in
            out.withMutableWords { out in
                split(step, work: 2 << size * starts.count) { range in
                    for (group, start) in starts.enumerated() {
                        cct_bits_subset_products(
                            set,
                            out + group * step + range.lowerBound,
                            starts.count * step,
                            bits + start * step + range.lowerBound,
                            step,
                            UInt32(size),
                            range.count
                        )
                    }
                }
            }
        }
        return out
    }

    package func borrows(
        of planes: BitPlanes,
        starts: [Int],
        size: Int,
        products: BitPlanes,
        first: Bool,
        generate: Bool,
        propagate: Bool
    ) -> BitPlanes {
        let groups = BorrowGroups(starts: starts, size: size, generate: generate, propagate: propagate)
        return borrows(of: planes, [groups], products: [products], first: first)
    }

    package func borrows(
        of planes: BitPlanes,
        _ kinds: [BorrowGroups],
        products: [BitPlanes],
        first: Bool
    ) -> BitPlanes {
        precondition(
            !kinds.isEmpty && kinds.count == products.count,
            "\(products.count) for \(kinds.count) kinds of groups"
        )
        var out = BitPlanes(uninitialized: kinds.reduce(0) { $0 + $1.outputs }, count: planes.count)
        let step = planes.wordsPerPlane
        planes.withWords { bits in
            out.withMutableWords { out in
                var out = out
                for (kind, products) in zip(kinds, products) {
                    borrows(of: planes, bits, kind, products: products, first: first, to: out)
                    out += kind.outputs * step
                }
            }
        }
        out.clearTails()
        return out
    }

    /// The planes of one kind of groups, to `out`.
    private func borrows(
        of planes: BitPlanes,
        _ bits: Words,
        _ kind: BorrowGroups,
        products: BitPlanes,
        first: Bool,
        to out: MutableWords
    ) {
        let (groups, size, step) = (kind.starts.count, kind.size, planes.wordsPerPlane)
        BitPlanes.check(groups: kind.starts, of: size, in: planes)
        precondition(
            products.planes == (1 << size - 1) * groups && products.count == planes.count
                && (kind.generate || kind.propagate),
            "\(products.planes) products for \(groups) groups of \(size)"
        )
        products.withWords { products in
            split(step, work: 2 << size * groups) { range in
                for (group, start) in kind.starts.enumerated() {
                    let place = out + group * step + range.lowerBound
                    cct_bits_borrow(
                        set,
                        kind.generate ? place : nil,
                        kind.propagate ? place + (kind.generate ? groups * step : 0) : nil,
                        bits + start * step + range.lowerBound,
                        step,
                        products + group * step + range.lowerBound,
                        groups * step,
                        UInt32(size),
                        first ? 1 : 0,
                        range.count
                    )
                }
            }
        }
    }

    package func selection(
        of hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool
    ) -> RingTensor {
        var out = RingTensor(uninitialized: hat.shape)
        select(hat, beta: beta, product: product, mask: mask, where: bits, first: first, to: &out, at: 0)
        return out
    }

    package func select(
        _ hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool,
        to out: inout RingTensor,
        at start: Int
    ) {
        let count = hat.count
        precondition(
            [beta.count, product.count, mask.count, bits.count].allSatisfy { $0 == count } && bits.planes == 1,
            "a selection of \(hat.shape) with operands of other counts"
        )
        precondition(start >= 0 && start + count <= out.count, "\(count) elements at \(start) of \(out.shape)")
        hat.withWords { hat in
            beta.withWords { beta in
                product.withWords { product in
                    mask.withWords { mask in
                        bits.withWords { bits in
                            out.withMutableWords { out in
                                split(count, work: 3, unit: 64) { range in
                                    let from = range.lowerBound
                                    cct_u64_selection(
                                        set,
                                        out + start + from,
                                        hat + from,
                                        beta + from,
                                        product + from,
                                        mask + from,
                                        bits + from / 64,
                                        first ? 1 : 0,
                                        range.count
                                    )
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    package func weights(of bits: [BitPlanes], factors: [UInt64], constant: UInt64) -> RingTensor {
        BitPlanes.check(bits, factors: factors)
        var out = RingTensor(uninitialized: [bits[0].count])
        let count = out.count
        out.withMutableWords { out in
            // The planes live until the end of this function, and their words with them.
            withExtendedLifetime(bits) {
                let planes = bits.map { $0.withWords { $0 } }
                split(count, work: bits.count, unit: 64) { range in
                    cct_u64_weights(
                        set,
                        out + range.lowerBound,
                        planes,
                        factors,
                        planes.count,
                        constant,
                        range.lowerBound / 64,
                        range.count
                    )
                }
            }
        }
        return out
    }

    package func accumulate(
        _ sum: inout RingTensor,
        adding a: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        let count = sum.count
        precondition(a.count == count && bits.count == count && bits.planes == 1, "a sum of operands of other counts")
        a.withWords { a in
            bits.withWords { bits in
                sum.withMutableWords { sum in
                    split(count, work: 2, unit: 64) { range in
                        let start = range.lowerBound
                        cct_u64_add_signed_multiple(set, sum + start, a + start, factor, bits + start / 64, range.count)
                    }
                }
            }
        }
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingProductOf a: RingTensor,
        _ b: RingTensor,
        less c: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        let count = sum.count
        precondition(
            [a.count, b.count, c.count, bits.count].allSatisfy { $0 == count } && bits.planes == 1,
            "a sum of operands of other counts"
        )
        a.withWords { a in
            b.withWords { b in
                c.withWords { c in
                    bits.withWords { bits in
                        sum.withMutableWords { sum in
                            split(count, work: 3, unit: 64) { range in
                                let start = range.lowerBound
                                cct_u64_add_signed_difference(
                                    set,
                                    sum + start,
                                    a + start,
                                    b + start,
                                    c + start,
                                    factor,
                                    bits + start / 64,
                                    range.count
                                )
                            }
                        }
                    }
                }
            }
        }
    }

    package func truncate(_ a: RingTensor, by shift: Int) -> (RingTensor, selector: BitPlanes) {
        precondition((1...62).contains(shift), "a truncation by \(shift) bits")
        var out = RingTensor(uninitialized: a.shape)
        var selector = BitPlanes(uninitialized: 1, count: a.count)
        let count = a.count
        a.withWords { a in
            out.withMutableWords { out in
                selector.withMutableWords { selector in
                    split(count, work: 2, unit: 64) { range in
                        let start = range.lowerBound
                        cct_u64_truncate(set, out + start, selector + start / 64, a + start, UInt32(shift), range.count)
                    }
                }
            }
        }
        return (out, selector)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingUnpacked words: RingTensor,
        bits: Int,
        shiftedLeft shift: Int,
        where chosen: BitPlanes
    ) {
        precondition((1...64).contains(bits) && (0...63).contains(shift), "\(bits) bits of a word, shifted by \(shift)")
        precondition(
            words.count == (sum.count * bits + 63) / 64 && chosen.planes == 1 && chosen.count == sum.count,
            "\(words.count) words can't hold \(sum.shape) of \(bits) bits"
        )
        let count = sum.count
        words.withWords { words in
            chosen.withWords { chosen in
                sum.withMutableWords { sum in
                    // 64 elements fill `bits` words: a thread's range begins at a word's beginning.
                    split(count, work: 2, unit: 64) { range in
                        let start = range.lowerBound
                        cct_few_bits_add_where(
                            set,
                            sum + start,
                            words + start / 64 * bits,
                            range.count,
                            UInt32(bits),
                            UInt32(shift),
                            chosen + start / 64
                        )
                    }
                }
            }
        }
    }
}
