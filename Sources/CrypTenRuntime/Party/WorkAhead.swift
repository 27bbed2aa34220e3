import CrypTenGates
import CrypTenPlanning
import CrypTenRing

/// What a party computes before a run whose inputs aren't there yet: of each product with a kept wire, the part that reads
/// the other operand's mask, which is in the party's seeds already.
///
/// With fixed weights that is one of the two products of every layer.
struct WorkAhead {
    /// By step.
    private(set) var steps: [Int: StepAhead] = [:]

    private let plan: Plan
    private let kept: [PartyValue]
    private let party: Int
    private let keys: RunKeys
    private let kernels: any Kernels
    /// Where each slot comes from.
    private var producers: [Int: Int] = [:]
    private var bindings: [Int: PartyValue] = [:]
    /// Shares of wires' masks, by slot; nil for one that can't be known ahead.
    private var masks: [Int: RingTensor?] = [:]

    /// Computes it.
    ///
    /// - Parameters:
    ///   - plan: What will run.
    ///   - kept: The kept values that it will read, in the plan's order.
    ///   - party: Who computes.
    ///   - keys: Those of the run.
    ///   - kernels: What computes.
    /// - Complexity: of every such product one product; in memory its output, and the masks of what is multiplied.
    init(_ plan: Plan, kept: [PartyValue], party: Int, keys: RunKeys, kernels: any Kernels) {
        (self.plan, self.kept, self.party, self.keys, self.kernels) = (plan, kept, party, keys, kernels)
        for (index, step) in plan.steps.enumerated() {
            for output in step.outputs { producers[output] = index }
        }
        for binding in plan.bindings {
            if case .kept(let index, _) = binding.source { bindings[binding.slot] = kept[index] }
        }
        for (index, step) in plan.steps.enumerated() {
            let products: [MaskedProduct]
            switch step.gate {
            case .absorbed(let gate): products = gate.products
            case .bilinear(let gate): products = [gate.product]
            default: continue
            }
            let terms = products.enumerated().map { number, product in
                term(of: product, step.inputs[2 * number], step.inputs[2 * number + 1])
            }
            if terms.contains(where: { $0 != nil }) { steps[index, default: StepAhead()].terms = terms }
        }
        masks = [:]
    }

    private mutating func term(of product: MaskedProduct, _ left: Int, _ right: Int) -> MaskedProduct.Term? {
        for (side, masked, known) in [(MaskedProduct.Side.left, left, right), (.right, right, left)] {
            guard bindings[masked] == nil, case .wire(let wire)? = bindings[known], let mask = mask(of: masked) else {
                continue
            }
            return product.term(masked: side, maskShare: mask, hat: wire.hat, party: party, kernels)
        }
        return nil
    }

    /// The share of a wire's mask, if it comes from seeds and from kept wires by moves and sums alone.
    private mutating func mask(of slot: Int) -> RingTensor? {
        if let known = masks[slot] { return known }
        let made: RingTensor?
        if case .wire(let wire)? = bindings[slot] {
            made = wire.maskShare
        } else if let producer = producers[slot] {
            made = mask(madeBy: producer)
        } else {
            made = nil
        }
        masks.updateValue(made, forKey: slot)
        return made
    }

    private mutating func mask(madeBy index: Int) -> RingTensor? {
        let step = plan.steps[index]
        switch step.gate {
        case .mask(let gate):
            let number = StreamNumbers.first(step: index, stage: 0)
            let words = kernels.expand(keys.masks, number: number, from: 0, shape: gate.shape)
            steps[index, default: StepAhead()].mask = words
            return words
        case .linear(let gate) where gate.form == .wire:
            let operands = step.inputs.map { mask(of: $0) }
            let known = operands.compactMap { $0 }
            guard known.count == operands.count else { return nil }
            return gate.operation.apply(zip(known, gate.shapes).map { $0.reshaped(to: $1) }, kernels)
        default:
            return nil
        }
    }
}
