import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// A program of gates whose views are simulated, with its results in the clear.
struct ViewSubject: Sendable, CustomTestStringConvertible {
    /// What an ideal functionality reads beside the inputs.
    struct Facts {
        /// The public part of a value: a truncation's rounding is its dither's.
        var hat: (_ value: Int) -> [UInt64]
        /// The public part of what was opened last before the reveals, inside a gate.
        var lastOpened: () -> [UInt64]
        /// The sum of what all parties draw as masks under a number: random numbers are these.
        var drawn: (_ number: UInt64) -> [UInt64]
        /// The order into which a party puts the rows under a number.
        var order: (_ party: Int, _ number: UInt64) -> [Int]
    }

    let name: String
    /// A program for owners of inputs 0 and 1 and a receiver of its reveals.
    let program: @Sendable (_ owners: [Int], _ count: Int, _ receiver: Int?) -> GateProgram
    /// What step `index` reveals of inputs x and y.
    let result: @Sendable (_ step: Int, _ x: [UInt64], _ y: [UInt64], _ facts: Facts) -> [UInt64]

    var testDescription: String { name }
}

extension ViewSubject {
    /// Two inputs, values 0 and 1, and their wires: 2 and 3, or as many later as there are known numbers.
    static func program(
        _ owners: [Int],
        _ count: Int,
        known: [[UInt64]] = [],
        _ steps: [GateProgram.Step]
    ) -> GateProgram {
        let inputs = owners.enumerated().map { GateProgram.Step(InputGate(owner: $1, shape: [count]), [$0]) }
        return GateProgram(owners: owners, known: known, count: count, steps: inputs + steps)
    }

    /// Bits as they are revealed: a plane.
    private static func plane(_ bits: [Bool]) -> [UInt64] {
        PlainKernels().planes(of: RingTensor(words(bits), shape: [bits.count]), from: 0, count: 1).asWords.elements
    }

    private static func isLess(_ x: [UInt64], _ threshold: UInt64 = 0) -> [Bool] {
        x.map { Int64(bitPattern: $0 &- threshold) < 0 }
    }

    private static let inPlace = WireForm(sharesHeld: false, shift: 16)

    /// Every kind of gate is in one of them.
    static let all: [ViewSubject] = linear + products + bits + functions + random

    private static let linear: [ViewSubject] = [
        ViewSubject(name: "input, linear, unmask, reshare, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(
                        LinearGate(.combine(factors: [3, .max]), form: .wire, shapes: [[count], [count]]),
                        [2, 3]
                    ),
                    .init(UnmaskGate(), [4]), .init(ReshareGate(shape: [count]), [5]),
                    .init(RevealGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { _, x, y, _ in
            zip(x, y).map { 3 &* $0 &- $1 }
        },
        // Known numbers are values 2 and 3, the wires 4 and 5.
        ViewSubject(name: "add plain, plain product, gather, promote, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                known: [numbers(count), (0..<count).map { UInt64(count - 1 - $0) }],
                [
                    .init(UnmaskGate(), [4]), .init(AddPlainGate(form: .share), [6, 2]),
                    .init(
                        PlainProductGate(operation: .multiply, left: [count], right: [count], plainIsLeft: false),
                        [7, 2]
                    ),
                    .init(GatherGate(axis: 0, table: [count], indices: [count]), [8, 3]),
                    .init(PromoteGate(shape: [count], asBits: false), [2]),
                    .init(BilinearGate(operation: .multiply, left: [count], right: [count]), [10, 5]),
                    .init(RevealGate(shape: [count], receiver: receiver), [9]),
                    .init(RevealGate(shape: [count], receiver: receiver), [11]),
                ]
            )
        } result: { step, x, y, _ in
            let known = numbers(x.count)
            if step == 8 { return zip(x, known).map { ($0 &+ $1) &* $1 }.reversed() }
            return zip(known, y).map { $0 &* $1 }
        },
    ]

    /// Public numbers of programs.
    private static func numbers(_ count: Int) -> [UInt64] {
        var random = TestRandom(seed: 0x9B1)
        return random.words(count)
    }

    private static let products: [ViewSubject] = [
        ViewSubject(name: "bilinear, mask, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(BilinearGate(operation: .multiply, left: [count], right: [count]), [2, 3]),
                    .init(MaskGate(shape: [count]), [4]),
                    .init(BilinearGate(operation: .multiply, left: [count], right: [count]), [5, 2]),
                    .init(RevealGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { _, x, y, _ in
            zip(x, y).map { $0 &* $1 &* $0 }
        },
        ViewSubject(name: "absorbed, truncate, reveal") { owners, count, receiver in
            let product = AbsorbedProduct(operation: .multiply, left: [count], right: [count])
            return program(
                owners,
                count,
                [
                    .init(AbsorbedGate(products: [product], addends: 0, shape: [count]), [2, 3]),
                    .init(TruncateGate(shape: [count], form: WireForm(sharesHeld: false), shift: 16), [4]),
                    .init(RevealGate(shape: [count], receiver: receiver), [5]),
                ]
            )
        } result: { _, x, y, facts in
            rounded(zip(x, y).map { $0 &* $1 }, hat: facts.hat(4), shift: 16)
        },
        ViewSubject(name: "quotient, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(QuotientGate(shape: [count], divisor: 300, shift: 7), [2]),
                    .init(RevealGate(shape: [count], receiver: receiver), [4]),
                ]
            )
        } result: { _, x, _, facts in
            quotient(x, hat: facts.hat(2), divisor: 300, shift: 7)
        },
        ViewSubject(name: "truncate in place, truncated product, to a share, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(TruncateInPlaceGate(shape: [count], shift: 16), [2]),
                    .init(TruncatedProductGate(shape: [count], form: inPlace), [4, 3]),
                    .init(TruncateGate(shape: [count], form: inPlace, shift: 0), [4]),
                    .init(RevealGate(shape: [count], receiver: receiver), [5]),
                    .init(RevealGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { step, x, y, facts in
            let low = rounded(x, hat: facts.hat(2), shift: 16)
            return step == 5 ? zip(low, y).map { $0 &* $1 } : low
        },
        ViewSubject(name: "truncated ReLU, mask, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(TruncatedReLUGate(shape: [count], sharesHeld: true, shift: 16), [2]),
                    .init(MaskGate(shape: [count]), [4]),
                    .init(BilinearGate(operation: .multiply, left: [count], right: [count]), [5, 3]),
                    .init(RevealGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { _, x, y, facts in
            zip(rounded(x, hat: facts.hat(2), shift: 16), y).map { Int64(bitPattern: $0) < 0 ? 0 : $0 &* $1 }
        },
    ]

    private static let bits: [ViewSubject] = [
        ViewSubject(name: "sign, is zero, boolean, bit to arithmetic, select, reveal, revealed sign") {
            owners,
            count,
            receiver in
            program(
                owners,
                count,
                [
                    .init(SignGate(shape: [count]), [2]), .init(IsZeroGate(shape: [count]), [3]),
                    .init(
                        BooleanGate(
                            outputs: [BooleanForm(products: [[0], [1], [0, 1]])],
                            inputs: 2,
                            shape: [count]
                        ),
                        [4, 5]
                    ),
                    .init(BitToArithmeticGate(shape: [count]), [6]), .init(SelectGate(shape: [count]), [6, 3]),
                    .init(RevealGate(shape: [count], receiver: receiver), [7]),
                    .init(RevealGate(shape: [count], receiver: receiver), [8]),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [4]),
                    .init(
                        RevealedSignGate(
                            shape: [count],
                            form: WireForm(),
                            threshold: 0,
                            isOpposite: false,
                            receiver: receiver
                        ),
                        [2]
                    ),
                ]
            )
        } result: { step, x, y, _ in
            let negative = isLess(x)
            let either = zip(negative, y).map { $0 || $1 == 0 }
            switch step {
            case 7: return words(either)
            case 8: return zip(either, y).map { $0 ? $1 : 0 }
            default: return plane(negative)
            }
        },
        ViewSubject(name: "signs, linear bits, steps, reveal") { owners, count, receiver in
            let outputs = [[3, 5, 9], [0, 1 << 40, 7]].map { StepGate.Output(constant: 7, factors: $0) }
            return program(
                owners,
                count,
                [
                    .init(SignGate(shape: [count], thresholds: [0, 1 << 20]), [2]),
                    .init(SignGate(shape: [count]), [3]),
                    .init(
                        LinearBitsGate(
                            outputs: [BooleanForm(constant: true, products: [[0], [1]])],
                            inputs: 2,
                            shape: [count]
                        ),
                        [5, 6]
                    ),
                    .init(StepGate(shape: [count], bits: 3, outputs: outputs), [4, 5, 7]),
                    .init(RevealGate(shape: [count], receiver: receiver), [8]),
                    .init(RevealGate(shape: [count], receiver: receiver), [9]),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [7]),
                ]
            )
        } result: { step, x, y, _ in
            let (first, second) = (isLess(x), isLess(x, 1 << 20))
            let same = zip(second, isLess(y)).map { $0 == $1 }
            if step == 8 { return plane(same) }
            let factors: [UInt64] = step == 6 ? [3, 5, 9] : [0, 1 << 40, 7]
            return x.indices.map { index in
                zip(factors, [first[index], second[index], same[index]]).reduce(7) { $1.1 ? $0 &+ $1.0 : $0 }
            }
        },
        ViewSubject(name: "magnitudes, steps times a wire, reveal") { owners, count, receiver in
            let output = StepGate.Output(constant: 7, factors: [3, 1 << 40, 5, 11, 9])
            return program(
                owners,
                count,
                [
                    .init(MagnitudeGate(shape: [count], positions: [8, 40], isSigned: true), [2]),
                    .init(
                        StepProductGate(
                            shape: [count],
                            form: WireForm(),
                            bits: 5,
                            steps: [output],
                            products: [output]
                        ),
                        [4, 5, 6, 7, 8, 3]
                    ),
                    .init(RevealGate(shape: [count], receiver: receiver), [9]),
                    .init(RevealGate(shape: [count], receiver: receiver), [10]),
                ]
            )
        } result: { step, x, y, _ in
            let steps = x.map { word -> UInt64 in
                let v = Int64(bitPattern: word)
                let conditions = [
                    v >= 0 && v < 1 << 8, v >= 0 && v < 1 << 40, v < 0 && v >= -(1 << 8), v < 0 && v >= -(1 << 40),
                    v < 0,
                ]
                return zip([3, 1 << 40, 5, 11, 9], conditions).reduce(7) { $1.1 ? $0 &+ $1.0 : $0 }
            }
            return step == 4 ? steps : zip(steps, y).map { $0 &* $1 }
        },
        ViewSubject(name: "maximum of two with numbers, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(
                        MaximumGate(shape: [count], operands: 2, sharesHeld: true, payload: .constants([4, 9])),
                        [2, 3]
                    ),
                    .init(RevealGate(shape: [count], receiver: receiver), [4]),
                    .init(RevealGate(shape: [count], receiver: receiver), [5]),
                ]
            )
        } result: { step, x, y, _ in
            zip(x, y).map {
                let second = Int64(bitPattern: $0 &- $1) < 0
                return step == 3 ? (second ? $1 : $0) : second ? 9 : 4
            }
        },
        ViewSubject(name: "maximum of three with wires, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(
                        LinearGate(.combine(factors: [.max, .max]), form: .wire, shapes: [[count], [count]]),
                        [2, 3]
                    ),
                    .init(
                        MaximumGate(shape: [count], operands: 3, sharesHeld: true, payload: .wires(sharesHeld: true)),
                        [2, 3, 4, 3, 4, 2]
                    ),
                    .init(RevealGate(shape: [count], receiver: receiver), [5]),
                    .init(RevealGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { step, x, y, _ in
            zip(x, y).map { x, y in
                let values = [x, y, 0 &- x &- y]
                let winner = values.indices.max { Int64(bitPattern: values[$0] &- values[$1]) < 0 }!
                // Of equal ones the first wins.
                let first = values.firstIndex(of: values[winner])!
                return step == 4 ? values[first] : [y, values[2], x][first]
            }
        },
    ]

    private static let functions: [ViewSubject] = [
        ViewSubject(name: "cubic, cubic of a truncation, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(PolynomialGate(shape: [count], form: WireForm(), coefficients: cubic), [2]),
                    .init(TruncateInPlaceGate(shape: [count], shift: 16), [3]),
                    .init(PolynomialGate(shape: [count], form: inPlace, coefficients: cubic), [5]),
                    .init(RevealGate(shape: [count], receiver: receiver), [4]),
                    .init(RevealGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { step, x, y, facts in
            (step == 5 ? x : rounded(y, hat: facts.hat(3), shift: 16)).map { polynomial(cubic, $0) }
        },
        ViewSubject(name: "signs, steps times a truncation and of it, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(TruncateInPlaceGate(shape: [count], shift: 16), [3]),
                    .init(SignGate(shape: [count], form: inPlace, thresholds: bounds, sharesHeld: false), [4]),
                    .init(clamp(count), [5, 6, 4]),
                    .init(LinearGate(.combine(factors: [1, 1]), form: .share, shapes: [[count], [count]]), [7, 8]),
                    .init(RevealGate(shape: [count], receiver: receiver), [9]),
                ]
            )
        } result: { _, _, y, facts in
            rounded(y, hat: facts.hat(3), shift: 16).map { y in
                let isLess = bounds.map { Int64(bitPattern: y) < Int64(bitPattern: $0) }
                return isLess[0] ? bounds[0] : isLess[1] ? y : bounds[1]
            }
        },
        ViewSubject(name: "trigonometric series, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(TrigonometricGate(shape: [count], constant: 9, cosines: cosines, sines: sines), [2]),
                    .init(RevealGate(shape: [count], receiver: receiver), [4]),
                ]
            )
        } result: { _, x, _, facts in
            series(x, hat: facts.hat(2))
        },
        ViewSubject(name: "sign, exponential, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(SignGate(shape: [count], sharesHeld: false), [3]), .init(exponential(count), [4, 2]),
                    .init(RevealGate(shape: [count], receiver: receiver), [5]),
                ]
            )
        } result: { _, x, y, facts in
            powers(x, hat: facts.hat(2), where: isLess(y))
        },
    ]

    private static let random: [ViewSubject] = [
        // Each of the two inputs takes two numbers of masks, then each random gate does.
        ViewSubject(name: "random words, numbers and bits, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(RandomGate(shape: [count], distribution: .uniformBits(16)), []),
                    .init(RandomGate(shape: [count], distribution: .uniformBits(64)), []),
                    .init(RandomGate(shape: [count], distribution: .bit(.outOf(numerator: 3, bits: 3))), []),
                    .init(UnmaskGate(), [2]),
                    .init(LinearGate(.combine(factors: [1, 1]), form: .share, shapes: [[count], [count]]), [4, 7]),
                    .init(SelectGate(shape: [count]), [6, 3]),
                    .init(RevealGate(shape: [count], receiver: receiver), [8]),
                    .init(RevealGate(shape: [count], receiver: receiver), [5]),
                    .init(RevealGate(shape: [count], receiver: receiver), [9]),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { step, x, y, facts in
            let selected = facts.drawn(8).map { $0 & 7 < 3 }
            switch step {
            case 8: return zip(x, facts.drawn(4)).map { $0 &+ $1 & 0xFFFF }
            case 9: return facts.drawn(6)
            case 10: return zip(selected, y).map { $0 ? $1 : 0 }
            default: return plane(selected)
            }
        },
        // Each gate takes a number of orders: those of the two permutations are 4 and 6.
        ViewSubject(name: "permutation, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(UnmaskGate(), [2]), .init(UnmaskGate(), [3]),
                    .init(PermutationGate(party: 0, shapes: [[count], [count]]), [4, 5]),
                    .init(PermutationGate(party: 1, shapes: [[count], [count]]), [6, 7]),
                    .init(RevealGate(shape: [count], receiver: receiver), [8]),
                    .init(RevealGate(shape: [count], receiver: receiver), [9]),
                ]
            )
        } result: { step, x, y, facts in
            let (first, second) = (facts.order(0, 4), facts.order(1, 6))
            return second.map { (step == 6 ? x : y)[first[$0]] }
        },
        // Whatever bits the functionality draws, here those of its inputs: there is one choice of the honest party's own.
        ViewSubject(name: "drawn bits, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(DrawnBitsGate(planes: 1, shape: [count]), []),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [4]),
                    .init(DrawnBitsGate(planes: 1, shape: [count]), []),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { step, x, y, _ in
            plane((step == 3 ? x : y).map { $0 & 1 == 1 })
        },
    ]

    // MARK: Functions in the clear

    private static let cubic: [UInt64] = [5, 3, 2, 7]

    private static func polynomial(_ coefficients: [UInt64], _ x: UInt64) -> UInt64 {
        coefficients.reversed().reduce(0) { $0 &* x &+ $1 }
    }

    private static let bounds: [UInt64] = [0 &- (1 << 20), 1 << 20]

    /// A wire, but never outside of the bounds, in two parts.
    private static func clamp(_ count: Int) -> StepProductGate {
        StepProductGate(
            shape: [count],
            form: inPlace,
            bits: 2,
            steps: [StepGate.Output(constant: bounds[1], factors: [bounds[0], 0 &- bounds[1]])],
            products: [StepGate.Output(constant: 0, factors: [.max, 1])]
        )
    }

    private static let cosines: [UInt64] = [1 << 30, 0 &- 77]
    private static let sines: [UInt64] = [5, 1 << 28]

    /// A series in the integers in which it is dealt: exact given the public part.
    private static func series(_ x: [UInt64], hat: [UInt64]) -> [UInt64] {
        let kernels = PlainKernels()
        let mask = RingTensor(zip(hat, x).map { $0 &- $1 }, shape: [x.count])
        var sum = RingTensor(repeating: 9, shape: [x.count])
        for (index, factors) in zip(cosines, sines).enumerated() {
            let angle = kernels.multiply(mask, scalar: UInt64(index + 1))
            kernels.accumulate(
                &sum,
                harmonic: index + 1,
                of: RingTensor(hat, shape: [x.count]),
                cosine: kernels.sine(kernels.add(angle, scalar: 1 << 62)),
                sine: kernels.sine(angle),
                factors: (Int64(bitPattern: factors.0), Int64(bitPattern: factors.1))
            )
        }
        return sum.elements
    }

    /// ⌊c·q⌋ − ⌊λ·q⌋ of a wire with this public part, less what the wrap and the offset make, with q = m / 2^62.
    private static func quotient(_ x: [UInt64], hat: [UInt64], divisor: Int, shift: Int) -> [UInt64] {
        let factor = UInt64((Double(sign: .plus, exponent: 62 - shift, significand: 1) / Double(divisor)).rounded())
        let kernels = PlainKernels()
        func high(_ numbers: [UInt64]) -> [UInt64] {
            kernels.multiplyHigh(RingTensor(numbers, shape: [numbers.count]), factor: factor).elements
        }
        let (sums, masks) = (hat.map { $0 &+ 1 << 62 }, zip(hat, x).map { $0 &- $1 })
        return zip(zip(high(sums), high(masks)), zip(sums, masks)).map { highs, words in
            let hasWrapped = words.1 >> 63 == 1 && words.0 >> 63 == 0
            return highs.0 &- highs.1 &- factor &+ (hasWrapped ? 4 &* factor : 0)
        }
    }

    private static func exponential(_ count: Int) -> ExponentialGate {
        ExponentialGate(shape: [count], offset: 3 << 58, octaves: 20, entries: 4, tableBits: 17, factorBits: 20)
    }

    /// The same of 2^x: a quarter of the octaves, which the public part names, is taken out of what is dealt.
    private static func powers(_ x: [UInt64], hat: [UInt64], where selected: [Bool]) -> [UInt64] {
        let kernels = PlainKernels()
        let exponents = hat.map { $0 &+ 3 << 58 }
        let dealt = zip(exponents, zip(hat, x)).map { exponent, wire in
            // −λ, moved by sixteen octaves an entry.
            wire.1 &- wire.0 &+ (exponent >> 62) &* 16 << 58
        }
        func power(_ exponents: [UInt64], _ bits: Int) -> [UInt64] {
            kernels.powerOfTwo(RingTensor(exponents, shape: [x.count]), fractionBits: bits).elements
        }
        let low = power(exponents.map { $0 & ~(3 << 62) }, 20)
        return zip(zip(power(dealt, 17), low), selected).map { $1 ? $0.0 &* $0.1 : 0 }
    }
}
