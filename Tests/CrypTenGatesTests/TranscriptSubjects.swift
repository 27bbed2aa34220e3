import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import _CrypTenTestSupport

/// A gate in one of its forms, with operands made of a plain vector.
struct TranscriptSubject: Sendable {
    /// A gate and what it runs on.
    struct Instance {
        var gate: any Gate
        /// Nil for a gate that no plan can have: a mutant.
        var kind: GateKind?
        var operands: [SimulatedValue]
        /// The gate as plans hold it.
        var plan: PlanGate? = nil
    }

    let name: String
    /// Whether the gate sends nothing, and nothing is dealt to it.
    let isSilent: Bool
    let make: @Sendable (GateSimulator, [UInt64]) throws -> Instance

    init(
        _ name: String,
        isSilent: Bool = false,
        _ make: @escaping @Sendable (GateSimulator, [UInt64]) throws -> (gate: PlanGate, operands: [SimulatedValue])
    ) {
        self.name = name
        self.isSilent = isSilent
        self.make = { simulator, vector in
            let (gate, operands) = try make(simulator, vector)
            return Instance(gate: gate.gate, kind: GateKind(gate), operands: operands, plan: gate)
        }
    }

    init(mutant name: String, _ make: @escaping @Sendable (GateSimulator, [UInt64]) throws -> Instance) {
        self.name = name
        isSilent = false
        self.make = make
    }
}

/// The cases of `PlanGate`. A new one doesn't compile before it has a kind here, and a kind none before it has subjects.
enum GateKind: String, CaseIterable, Sendable {
    case input, mask, unmask, linear, addPlain, plainProduct, gather, promote, bilinear, absorbed, truncate, quotient
    case truncateInPlace, truncatedProduct, sign, revealedSign, truncatedReLU, isZero, bitToArithmetic, step, magnitude,
        stepProduct
    case select, polynomial, trigonometric, exponential, boolean, linearBits, maximum, random, drawnBits
    case permutation, reshare, reveal, revealBits

    init(_ gate: PlanGate) {
        self =
            switch gate {
            case .input: .input
            case .mask: .mask
            case .unmask: .unmask
            case .linear: .linear
            case .addPlain: .addPlain
            case .plainProduct: .plainProduct
            case .gather: .gather
            case .promote: .promote
            case .bilinear: .bilinear
            case .absorbed: .absorbed
            case .truncate: .truncate
            case .quotient: .quotient
            case .truncateInPlace: .truncateInPlace
            case .truncatedProduct: .truncatedProduct
            case .sign: .sign
            case .revealedSign: .revealedSign
            case .truncatedReLU: .truncatedReLU
            case .isZero: .isZero
            case .bitToArithmetic: .bitToArithmetic
            case .step: .step
            case .magnitude: .magnitude
            case .stepProduct: .stepProduct
            case .select: .select
            case .polynomial: .polynomial
            case .trigonometric: .trigonometric
            case .exponential: .exponential
            case .boolean: .boolean
            case .linearBits: .linearBits
            case .maximum: .maximum
            case .random: .random
            case .drawnBits: .drawnBits
            case .permutation: .permutation
            case .reshare: .reshare
            case .reveal: .reveal
            case .revealBits: .revealBits
            }
    }
}

/// Operands and forms that several gates have.
private let unshared = WireForm(sharesHeld: false)
private let rounded16 = WireForm(sharesHeld: false, shift: 16)

extension GateSimulator {
    /// Has all parties draw the same bits, the vector's: what is sent must not show them.
    func drawBits(of v: [UInt64], from low: Int, planes: Int) {
        let bits = PlainKernels().planes(of: RingTensor(v, shape: [v.count]), from: low, count: planes)
        for party in 0..<parties { draw(bits.asWords.elements, by: party) }
    }

    fileprivate func bits(of v: [UInt64], place: Int, sharesHeld: Bool = true) -> SimulatedValue {
        bits(v.map { $0 >> UInt64(place) & 1 == 1 }, sharesHeld: sharesHeld)
    }
}

extension GateKind {
    /// The gate in the forms that differ in what is sent or dealt.
    var subjects: [TranscriptSubject] {
        switch self {
        case .input:
            return [0, 1].map { owner in
                TranscriptSubject("input of party \(owner)") { s, v in
                    (.input(InputGate(owner: owner, shape: [v.count])), [s.plain(v, at: owner)])
                }
            }
        case .mask:
            return [
                TranscriptSubject("mask") { s, v in (.mask(MaskGate(shape: [v.count])), [s.share(v)]) }
            ]
        case .unmask:
            return [
                TranscriptSubject("unmask", isSilent: true) { s, v in (.unmask(UnmaskGate()), [s.wire(v)]) }
            ]
        case .reshare:
            return [
                TranscriptSubject("reshare", isSilent: true) { s, v in
                    (.reshare(ReshareGate(shape: [v.count])), [s.share(v)])
                }
            ]
        case .linear:
            return [LinearGate.Form.share, .wire, .bits].map { form in
                TranscriptSubject("linear of a \(form)", isSilent: true) { s, v in
                    let operation: LinearOperation =
                        form == .bits
                        ? .reshape([v.count, 1]) : .combine(factors: [3, .max])
                    let operands: [SimulatedValue]
                    switch form {
                    case .share: operands = [s.share(v), s.share(v)]
                    case .wire: operands = [s.wire(v), s.wire(v)]
                    case .bits: operands = [s.bits(of: v, place: 0)]
                    }
                    let shapes = operands.map { _ in [v.count] as Shape }
                    return (.linear(LinearGate(operation, form: form, shapes: shapes)), operands)
                }
            }
        case .addPlain:
            return [
                TranscriptSubject("add plain", isSilent: true) { s, v in
                    (.addPlain(AddPlainGate(form: .share)), [s.share(v), s.known(v)])
                }
            ]
        case .plainProduct:
            return [
                TranscriptSubject("plain product", isSilent: true) { s, v in
                    let gate = PlainProductGate(
                        operation: .multiply,
                        left: [v.count],
                        right: [v.count],
                        plainIsLeft: false
                    )
                    return (.plainProduct(gate), [s.share(v), s.known(v)])
                }
            ]
        case .gather:
            return [
                TranscriptSubject("gather", isSilent: true) { s, v in
                    let indices = s.known(v.indices.map { UInt64(v.count - 1 - $0) })
                    return (.gather(GatherGate(axis: 0, table: [v.count], indices: [v.count])), [s.share(v), indices])
                }
            ]
        case .promote:
            return [false, true].map { asBits in
                TranscriptSubject("promote to \(asBits ? "bits" : "a wire")", isSilent: true) { s, v in
                    (.promote(PromoteGate(shape: [v.count], asBits: asBits)), [s.known(v)])
                }
            }
        case .bilinear:
            return [
                TranscriptSubject("product") { s, v in
                    let gate = BilinearGate(operation: .multiply, left: [v.count], right: [v.count])
                    return (.bilinear(gate), [s.wire(v), s.wire(v)])
                },
                TranscriptSubject("square") { s, v in
                    let x = s.wire(v)
                    return (
                        .bilinear(BilinearGate(operation: .multiply, left: [v.count], right: [v.count])), [x, x]
                    )
                },
            ]
        case .absorbed:
            return [
                TranscriptSubject("absorbed") { s, v in
                    let product = AbsorbedProduct(operation: .multiply, left: [v.count], right: [v.count])
                    let gate = AbsorbedGate(products: [product], addends: 1, shape: [v.count])
                    return (.absorbed(gate), [s.wire(v), s.wire(v), s.share(v)])
                }
            ]
        case .truncate:
            return [
                TranscriptSubject("truncate") { s, v in
                    (
                        .truncate(TruncateGate(shape: [v.count], form: unshared, shift: 16)),
                        [s.wire(v, sharesHeld: false)]
                    )
                },
                TranscriptSubject("truncation to a share") { s, v in
                    (
                        .truncate(TruncateGate(shape: [v.count], form: rounded16, shift: 0)),
                        [try s.truncatedWire(v, shift: 16)]
                    )
                },
            ]
        case .quotient:
            return [
                TranscriptSubject("quotient") { s, v in
                    (.quotient(QuotientGate(shape: [v.count], divisor: 300, shift: 7)), [s.wire(v)])
                }
            ]
        case .truncateInPlace:
            return [
                TranscriptSubject("truncate in place", isSilent: true) { s, v in
                    (.truncateInPlace(TruncateInPlaceGate(shape: [v.count], shift: 16)), [s.wire(v)])
                }
            ]
        case .truncatedProduct:
            return [
                TranscriptSubject("truncated product") { s, v in
                    (
                        .truncatedProduct(TruncatedProductGate(shape: [v.count], form: rounded16)),
                        [try s.truncatedWire(v, shift: 16), s.wire(v)]
                    )
                }
            ]
        case .sign:
            return [
                TranscriptSubject("sign") { s, v in
                    (.sign(SignGate(shape: [v.count], equality: true)), [s.wire(v)])
                },
                TranscriptSubject("signs") { s, v in
                    let gate = SignGate(shape: [v.count], form: unshared, thresholds: [0, 1 << 40], sharesHeld: false)
                    return (.sign(gate), [s.wire(v, sharesHeld: false)])
                },
            ]
        case .revealedSign:
            return [nil, 1].map { receiver in
                TranscriptSubject("sign revealed to \(receiver.map { "party \($0)" } ?? "all")") { s, v in
                    let gate = RevealedSignGate(
                        shape: [v.count],
                        form: unshared,
                        threshold: 1 << 40,
                        isOpposite: receiver == nil,
                        receiver: receiver
                    )
                    return (.revealedSign(gate), [s.wire(v, sharesHeld: false)])
                }
            }
        case .truncatedReLU:
            return [
                TranscriptSubject("truncated ReLU") { s, v in
                    (
                        .truncatedReLU(TruncatedReLUGate(shape: [v.count], sharesHeld: false, shift: 16)),
                        [s.wire(v, sharesHeld: false)]
                    )
                },
                TranscriptSubject("truncated ReLU with its bits") { s, v in
                    let gate = TruncatedReLUGate(shape: [v.count], sharesHeld: true, shift: 16, yieldsBits: true)
                    return (.truncatedReLU(gate), [s.wire(v)])
                },
            ]
        case .isZero:
            return [
                TranscriptSubject("is zero") { s, v in (.isZero(IsZeroGate(shape: [v.count])), [s.wire(v)]) }
            ]
        case .bitToArithmetic:
            return [
                TranscriptSubject("bit to arithmetic") { s, v in
                    (.bitToArithmetic(BitToArithmeticGate(shape: [v.count])), [s.bits(of: v, place: 17)])
                }
            ]
        case .select:
            return [WireForm(), unshared, rounded16].map { form in
                TranscriptSubject("select, \(form.shift) bits cut off, shares held: \(form.sharesHeld)") { s, v in
                    let wire =
                        form.shift > 0
                        ? try s.truncatedWire(v, shift: form.shift) : s.wire(v, sharesHeld: form.sharesHeld)
                    return (.select(SelectGate(shape: [v.count], form: form)), [s.bits(of: v, place: 17), wire])
                }
            }
        case .polynomial:
            return [
                TranscriptSubject("cubic") { s, v in
                    let gate = PolynomialGate(shape: [v.count], form: WireForm(), coefficients: [5, 3, 2, 7])
                    return (.polynomial(gate), [s.wire(v)])
                },
                TranscriptSubject("cubic of a truncation") { s, v in
                    let gate = PolynomialGate(shape: [v.count], form: rounded16, coefficients: [5, 3, 2, 7])
                    return (.polynomial(gate), [try s.truncatedWire(v, shift: 16)])
                },
            ]
        case .step:
            return [
                TranscriptSubject("step") { s, v in
                    let outputs = [[3, 5], [0, 1 << 40]].map { StepGate.Output(constant: 7, factors: $0) }
                    return (
                        .step(StepGate(shape: [v.count], bits: 2, outputs: outputs)),
                        [s.bits(of: v, place: 17), s.bits(of: v, place: 18, sharesHeld: false)]
                    )
                }
            ]
        case .magnitude:
            return [
                TranscriptSubject("magnitude") { s, v in
                    let gate = MagnitudeGate(shape: [v.count], positions: [0, 4, 8, 12], isSigned: false)
                    return (.magnitude(gate), [s.wire(v)])
                },
                TranscriptSubject("signed magnitude of an unshared wire") { s, v in
                    let gate = MagnitudeGate(
                        shape: [v.count],
                        form: unshared,
                        positions: Array(stride(from: 0, through: 60, by: 4)),
                        isSigned: true
                    )
                    return (.magnitude(gate), [s.wire(v, sharesHeld: false)])
                },
                TranscriptSubject("magnitude of a truncation") { s, v in
                    let gate = MagnitudeGate(shape: [v.count], form: rounded16, positions: [5], isSigned: true)
                    return (.magnitude(gate), [try s.truncatedWire(v, shift: 16)])
                },
            ]
        case .stepProduct:
            return [
                TranscriptSubject("step product") { s, v in
                    let outputs = [[3, 5], [0, 1 << 40]].map { StepGate.Output(constant: 7, factors: $0) }
                    let gate = StepProductGate(
                        shape: [v.count],
                        form: WireForm(),
                        bits: 2,
                        steps: [outputs[0]],
                        products: outputs
                    )
                    return (
                        .stepProduct(gate),
                        [s.bits(of: v, place: 17), s.bits(of: v, place: 18, sharesHeld: false), s.wire(v)]
                    )
                },
                TranscriptSubject("step product of an unshared wire") { s, v in
                    let output = StepGate.Output(constant: 7, factors: [9])
                    let gate = StepProductGate(
                        shape: [v.count],
                        form: unshared,
                        bits: 1,
                        steps: [],
                        products: [output]
                    )
                    return (.stepProduct(gate), [s.bits(of: v, place: 17), s.wire(v, sharesHeld: false)])
                },
                TranscriptSubject("step product of a truncation") { s, v in
                    let output = StepGate.Output(constant: 7, factors: [9])
                    let gate = StepProductGate(
                        shape: [v.count],
                        form: rounded16,
                        bits: 1,
                        steps: [],
                        products: [output]
                    )
                    return (.stepProduct(gate), [s.bits(of: v, place: 17), try s.truncatedWire(v, shift: 16)])
                },
            ]
        case .trigonometric:
            return [
                TranscriptSubject("trigonometric series") { s, v in
                    let gate = TrigonometricGate(
                        shape: [v.count],
                        constant: 9,
                        cosines: [1 << 30, 0],
                        sines: [5, 1 << 28]
                    )
                    return (.trigonometric(gate), [s.wire(v)])
                }
            ]
        case .exponential:
            return [4, 8].map { entries in
                TranscriptSubject("exponential of \(entries) entries") { s, v in
                    let gate = ExponentialGate(
                        shape: [v.count],
                        offset: 3 << 58,
                        octaves: 20,
                        entries: entries,
                        tableBits: 17,
                        factorBits: 20
                    )
                    return (.exponential(gate), [s.bits(of: v, place: 17, sharesHeld: false), s.wire(v)])
                }
            }
        case .boolean:
            return [
                TranscriptSubject("boolean") { s, v in
                    let outputs = [BooleanForm(products: [[0, 1, 2, 3]]), BooleanForm(products: [[0], [1], [0, 1]])]
                    return (
                        .boolean(BooleanGate(outputs: outputs, inputs: 4, shape: [v.count])),
                        (0..<4).map { s.bits(of: v, place: 15 + $0) }
                    )
                }
            ]
        case .linearBits:
            return [
                TranscriptSubject("linear bits", isSilent: true) { s, v in
                    let outputs = [BooleanForm(constant: true, products: [[0], [1]])]
                    return (
                        .linearBits(LinearBitsGate(outputs: outputs, inputs: 2, shape: [v.count])),
                        (0..<2).map { s.bits(of: v, place: 15 + $0) }
                    )
                }
            ]
        case .maximum:
            return [
                TranscriptSubject("maximum of two, with numbers") { s, v in
                    let gate = MaximumGate(
                        shape: [v.count],
                        operands: 2,
                        sharesHeld: false,
                        payload: .constants([0, 1])
                    )
                    return (.maximum(gate), (0..<2).map { _ in s.wire(v, sharesHeld: false) })
                },
                TranscriptSubject("maximum of three") { s, v in
                    (
                        .maximum(MaximumGate(shape: [v.count], operands: 3, sharesHeld: true)),
                        (0..<3).map { _ in s.wire(v) }
                    )
                },
                TranscriptSubject("maximum of four, with wires") { s, v in
                    let gate = MaximumGate(
                        shape: [v.count],
                        operands: 4,
                        sharesHeld: true,
                        payload: .wires(sharesHeld: true)
                    )
                    return (.maximum(gate), (0..<8).map { _ in s.wire(v) })
                },
                TranscriptSubject("maximum of two, with its winners") { s, v in
                    let gate = MaximumGate(shape: [v.count], operands: 2, sharesHeld: true, yieldsWinners: true)
                    return (.maximum(gate), (0..<2).map { _ in s.wire(v) })
                },
                TranscriptSubject("maximum of three, with its winners") { s, v in
                    let gate = MaximumGate(shape: [v.count], operands: 3, sharesHeld: true, yieldsWinners: true)
                    return (.maximum(gate), (0..<3).map { _ in s.wire(v) })
                },
            ]
        case .random:
            return [
                TranscriptSubject("random words", isSilent: true) { _, v in
                    (.random(RandomGate(shape: [v.count], distribution: .uniformBits(64))), [])
                },
                TranscriptSubject("random numbers") { _, v in
                    (.random(RandomGate(shape: [v.count], distribution: .uniformBits(16))), [])
                },
                TranscriptSubject("fair bits", isSilent: true) { _, v in
                    (.random(RandomGate(shape: [v.count], distribution: .bit(.fair))), [])
                },
                TranscriptSubject("unfair bits") { _, v in
                    let distribution = RandomGate.Distribution.bit(.outOf(numerator: 1, bits: 8))
                    return (.random(RandomGate(shape: [v.count], distribution: distribution)), [])
                },
            ]
        case .drawnBits:
            return [
                TranscriptSubject("drawn bits") { s, v in
                    s.drawBits(of: v, from: 17, planes: 3)
                    return (.drawnBits(DrawnBitsGate(planes: 3, shape: [v.count])), [])
                }
            ]
        case .permutation:
            return [0, 1].map { party in
                TranscriptSubject("an order of party \(party)") { s, v in
                    (.permutation(PermutationGate(party: party, shapes: [[v.count]])), [s.share(v)])
                }
            } + [
                TranscriptSubject("an order for two tensors") { s, v in
                    let gate = PermutationGate(party: 1, shapes: [[v.count], [v.count]])
                    return (.permutation(gate), [s.share(v), s.share(v)])
                }
            ]
        case .reveal:
            return [nil, 0].map { receiver in
                TranscriptSubject("reveal to \(receiver.map { "party \($0)" } ?? "all")") { s, v in
                    (.reveal(RevealGate(shape: [v.count], receiver: receiver)), [s.share(v)])
                }
            }
        case .revealBits:
            return [nil, 1].map { receiver in
                TranscriptSubject("reveal bits to \(receiver.map { "party \($0)" } ?? "all")") { s, v in
                    (
                        .revealBits(RevealBitsGate(shape: [v.count], receiver: receiver)), [s.bits(of: v, place: 17)]
                    )
                }
            }
        }
    }
}
