public import CrypTenExpressions

/// Adam, as PyTorch has it; with `decoupled` weight decay AdamW.
///
/// Moments are kept as sums, M ← β₁·M + g and V ← β₂·V + g², so that what is multiplied by 1 − β is a public number of the step, with the
/// corrections of the bias:
///
///     p ← p − learningRate · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · (1 − β₁) / √(1 − β₂) · M / √(V + ε² · (1 − β₂ᵗ) / (1 − β₂))
///
/// ε is under the root: of gradients well above it the step is the same, and of smaller ones at most √2 times as large.
///
/// A gradient is read with 24 fraction bits, and its square with 48: gradients lie within ±100, and those from 10⁻⁷ on have the step that they
/// should. Where the gradient was always 0 the step is 0.
/// - Complexity: 11 rounds, 110 bytes opened and 532 dealt a parameter more than a step of ``SGD``, in LeNet's training.
/// > Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
/// > ICLR 2019.
public struct Adam: Optimizer, MomentumFollower {
    public var learningRate: Double
    /// How much of the first and of the second moment stays from step to step.
    public var betas: (Double, Double)
    /// What keeps the step of small gradients finite.
    public var epsilon: Double
    /// How much of a parameter is added to its gradient, or, decoupled, taken from it at the learning rate.
    public var weightDecay: Double
    /// Whether weights decay apart from their gradients.
    public var decoupled: Bool
    public var state = ParameterTree()
    public var stepCount = 0
    package var followed: FollowedMomentum?

    public init(
        learningRate: Double = 1e-3,
        betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8,
        weightDecay: Double = 0,
        decoupled: Bool = false
    ) {
        self.learningRate = learningRate
        self.betas = betas
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.decoupled = decoupled
    }

    /// Adam with decoupled weight decay.
    public static func withDecoupledDecay(
        learningRate: Double = 1e-3,
        betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8,
        weightDecay: Double = 1e-2
    ) -> Adam {
        Adam(learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay, decoupled: true)
    }

    public var slots: [OptimizerSlot] {
        AdamMoments.slots
    }

    public func rates(at step: Int) -> [Double] {
        let betas = (followed?.now ?? betas.0, betas.1)
        return [
            learningRate * AdamMoments.scale(betas: betas, at: step),
            AdamMoments.floor(betas: betas, epsilon: epsilon, at: step),
            learningRate * weightDecay,
        ] + (followed.map { [AdamMoments.remainder(of: $0)] } ?? [])
    }

    public func step(
        _ parameter: CrypTensor,
        _ gradient: CrypTensor,
        _ remembered: [String: CrypTensor],
        rates: [CrypTensor]
    ) -> (parameter: CrypTensor, remembered: [String: CrypTensor]) {
        let slope = gradient.adding(decoupled ? 0 : weightDecay, of: parameter)
        let moments = AdamMoments(remembered, slope, betas: betas, remainder: followed == nil ? nil : rates[3])
        var next = parameter - moments.direction(floor: rates[1]) * rates[0]
        if decoupled, weightDecay != 0 { next = next - parameter * rates[2] }
        return (next, moments.remembered)
    }
}
