package import CrypTenGates

/// Any gate, so that a plan can be stored, compared and sent.
package enum PlanGate: Hashable, Sendable, Codable {
    case input(InputGate)
    case mask(MaskGate)
    case unmask(UnmaskGate)
    case linear(LinearGate)
    case addPlain(AddPlainGate)
    case plainProduct(PlainProductGate)
    case gather(GatherGate)
    case promote(PromoteGate)
    case bilinear(BilinearGate)
    case absorbed(AbsorbedGate)
    case truncate(TruncateGate)
    case quotient(QuotientGate)
    case truncateInPlace(TruncateInPlaceGate)
    case truncatedProduct(TruncatedProductGate)
    case sign(SignGate)
    case revealedSign(RevealedSignGate)
    case truncatedReLU(TruncatedReLUGate)
    case isZero(IsZeroGate)
    case bitToArithmetic(BitToArithmeticGate)
    case step(StepGate)
    case magnitude(MagnitudeGate)
    case stepProduct(StepProductGate)
    case select(SelectGate)
    case polynomial(PolynomialGate)
    case trigonometric(TrigonometricGate)
    case exponential(ExponentialGate)
    case boolean(BooleanGate)
    case linearBits(LinearBitsGate)
    case maximum(MaximumGate)
    case random(RandomGate)
    case drawnBits(DrawnBitsGate)
    case permutation(PermutationGate)
    case reshare(ReshareGate)
    case reveal(RevealGate)
    case revealBits(RevealBitsGate)

    /// The gate itself.
    package var gate: any Gate {
        switch self {
        case .input(let gate): gate
        case .mask(let gate): gate
        case .unmask(let gate): gate
        case .linear(let gate): gate
        case .addPlain(let gate): gate
        case .plainProduct(let gate): gate
        case .gather(let gate): gate
        case .promote(let gate): gate
        case .bilinear(let gate): gate
        case .absorbed(let gate): gate
        case .truncate(let gate): gate
        case .quotient(let gate): gate
        case .truncateInPlace(let gate): gate
        case .truncatedProduct(let gate): gate
        case .sign(let gate): gate
        case .revealedSign(let gate): gate
        case .truncatedReLU(let gate): gate
        case .isZero(let gate): gate
        case .bitToArithmetic(let gate): gate
        case .step(let gate): gate
        case .magnitude(let gate): gate
        case .stepProduct(let gate): gate
        case .select(let gate): gate
        case .polynomial(let gate): gate
        case .trigonometric(let gate): gate
        case .exponential(let gate): gate
        case .boolean(let gate): gate
        case .linearBits(let gate): gate
        case .maximum(let gate): gate
        case .random(let gate): gate
        case .drawnBits(let gate): gate
        case .permutation(let gate): gate
        case .reshare(let gate): gate
        case .reveal(let gate): gate
        case .revealBits(let gate): gate
        }
    }

    /// The gate without its thresholds and coefficients.
    package var redacted: PlanGate {
        switch self {
        case .linear(let gate): .linear(gate.redacted)
        case .sign(let gate): .sign(gate.redacted)
        case .revealedSign(let gate): .revealedSign(gate.redacted)
        case .step(let gate): .step(gate.redacted)
        case .stepProduct(let gate): .stepProduct(gate.redacted)
        case .polynomial(let gate): .polynomial(gate.redacted)
        case .trigonometric(let gate): .trigonometric(gate.redacted)
        case .exponential(let gate): .exponential(gate.redacted)
        case .maximum(let gate): .maximum(gate.redacted)
        default: self
        }
    }
}
