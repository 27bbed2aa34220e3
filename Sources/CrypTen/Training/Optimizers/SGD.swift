public import CrypTenExpressions

/// Stochastic gradient descent, as PyTorch has it: with momentum, Nesterov's, and weight decay.
///
///     g ← gradient + weightDecay · p,    b ← momentum · b + (1 − dampening) · g, at first g
///     p ← p − learningRate · (b, or g + momentum · b with Nesterov's)
///
/// All products are with public numbers: a step costs maskings for truncations alone.
/// > Sutskever and others, "On the importance of initialization and momentum in deep learning", ICML 2013.
public struct SGD: Optimizer, MomentumFollower {
    public var learningRate: Double
    /// How much of the last step goes into the next.
    public var momentum: Double
    /// How much less of a gradient goes into the momentum.
    public var dampening: Double
    /// How much of a parameter is added to its gradient.
    public var weightDecay: Double
    /// Whether the gradient is taken where the momentum leads.
    public var nesterov: Bool
    public var state = ParameterTree()
    public var stepCount = 0
    package var followed: FollowedMomentum?

    public init(
        learningRate: Double,
        momentum: Double = 0,
        dampening: Double = 0,
        weightDecay: Double = 0,
        nesterov: Bool = false
    ) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.dampening = dampening
        self.weightDecay = weightDecay
        self.nesterov = nesterov
    }

    public var slots: [OptimizerSlot] {
        momentum == 0 && followed == nil ? [] : [OptimizerSlot("momentum", fractionBits: 24)]
    }

    public func rates(at step: Int) -> [Double] {
        // The first step's momentum is the gradient.
        [learningRate] + (followed.map { [$0.now] } ?? []) + (dampening == 0 ? [] : [step == 1 ? 1 : 1 - dampening])
    }

    public func step(
        _ parameter: CrypTensor,
        _ gradient: CrypTensor,
        _ remembered: [String: CrypTensor],
        rates: [CrypTensor]
    ) -> (parameter: CrypTensor, remembered: [String: CrypTensor]) {
        let slope = gradient.adding(weightDecay, of: parameter)
        guard let last = remembered["momentum"] else {
            return (parameter - slope * rates[0], [:])
        }
        func slowed(_ way: CrypTensor) -> CrypTensor {
            followed == nil ? way.decayed(to: momentum) : way * rates[1]
        }
        let moved = slowed(last) + (dampening == 0 ? slope : slope * rates[rates.count - 1])
        let direction = nesterov ? slope + slowed(moved) : moved
        return (parameter - direction * rates[0], ["momentum": moved])
    }
}
